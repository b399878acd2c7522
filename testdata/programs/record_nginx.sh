#!/bin/sh
# Records corpora/nginx: a real nginx (Debian nginx-light) on loopback, driven by curl, then stopped.
#
#     record_nginx.sh OUT        needs root (files under /srv/shop), nginx, curl
#
# The demo site lives in /srv/shop while it runs, so that the paths in the error log are those of the story.
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
site=/srv/shop
port=18080
mkdir -p $site/html/product $site/tmp $site/private
trap 'test ! -f $site/nginx.pid || kill "$(cat $site/nginx.pid)"; rm -rf $site' EXIT
echo '<h1>Shop</h1>' >$site/html/index.html
for n in 1 2 3 4 5 6 7 8 9; do printf '<p>Product %s</p>\n' $n >$site/html/product/$n.html; done
echo secret >$site/private/report.txt
chmod 700 $site/private

cat >$site/nginx.conf <<CONF
user www-data;
worker_processes 1;
pid $site/nginx.pid;
error_log $site/error.log info;
events { worker_connections 64; }
http {
    access_log $site/access.log combined;
    log_format common '\$remote_addr - \$remote_user [\$time_local] "\$request" \$status \$body_bytes_sent';
    log_format timed escape=json '{"time":"\$time_iso8601","remote_addr":"\$remote_addr","request":"\$request","status":\$status,'
                     '"body_bytes_sent":\$body_bytes_sent,"request_time":\$request_time,"user_agent":"\$http_user_agent"}';
    client_body_temp_path $site/tmp; proxy_temp_path $site/tmp; fastcgi_temp_path $site/tmp;
    uwsgi_temp_path $site/tmp; scgi_temp_path $site/tmp;
    client_max_body_size 1k;
    large_client_header_buffers 2 8k;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Forwarded-For;
    server {
        listen 127.0.0.1:$port;
        server_name shop.example;
        root $site/html;
        access_log $site/access.log combined;
        access_log $site/access.json timed;
        access_log $site/common.log common;
        location /admin { deny all; }
        location /private { alias $site/private; autoindex on; }
        location /api/fail { return 500 "broken\n"; }
        location /api/slow { return 503; }
        location /api/order { proxy_connect_timeout 1s; proxy_pass http://127.0.0.1:1; }
        location /old { return 301 /product/1.html; }
    }
}
CONF
nginx -c $site/nginx.conf -e $site/error.log

get() { curl -s -o /dev/null --max-time 5 -H "X-Forwarded-For: $client" -A "$agent" "$@" || true; }
base=http://127.0.0.1:$port
for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
    client=203.0.113.$((round * 7)) agent='Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0'
    get $base/
    get -e "https://shop.example/" $base/product/$((round % 9 + 1)).html
    get -e "https://shop.example/search?q=lamp&page=$round" "$base/product/$((round % 4 + 1)).html?ref=mail&campaign=winter%20sale"
    get -I $base/
    client=198.51.100.$round agent='ShopApp/4.2.1 (Android 15; "beta")'
    get $base/product/$((round + 6)).html
    get -X POST -d "item=$round&qty=2" $base/api/order
    get -X POST -d "item=$round" $base/api/fail
    get $base/api/slow?wait=$round
    get $base/old/page
    client=192.0.2.66 agent=''
    get $base/wp-login.php
    get "$base/%2e%2e/%2e%2e/etc/passwd"
    get $base/admin/console
    client=2001:db8::$round agent='curl/8.0 compatible; «Prüfung» ✓'
    get "$base/suche?q=K%C3%BChlschrank&n=$round"
    get -b "session=abc" $base/product/2.html
    sleep 0.5
done
client=192.0.2.9 agent='long-url-probe/1.0'
get "$base/search?q=$(printf 'x%.0s' $(seq 1500))&needle=nginxlongneedle"
get "$base/search?q=$(printf 'y%.0s' $(seq 9000))"
get -X DELETE $base/product/1.html
get -X POST --data-binary "$(printf 'z%.0s' $(seq 2000))" $base/api/order
get $base/private/
printf 'GET /bad\r\n\r\n' | timeout 2 curl -s telnet://127.0.0.1:$port >/dev/null || true
printf '\026\003\001\000\245\001\000\000' | timeout 2 curl -s telnet://127.0.0.1:$port >/dev/null || true
get -H 'User-Agent: needle-agent/9.9 (tab	inside, back\slash)' $base/
get -H 'Host: other.example' --http1.0 $base/
for _ in 1 2 3; do sleep 1; client=203.0.113.200 agent='late-visitor/1.0'; get $base/; done
kill -QUIT "$(cat $site/nginx.pid)"; sleep 1
cp $site/access.log $site/access.json $site/common.log "$out/"
# The kernel version would name the machine it was recorded on.
sed 's/OS: Linux .*/OS: Linux 6.1.0-demo/' $site/error.log >"$out/error.log"
