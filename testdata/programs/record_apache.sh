#!/bin/sh
# Records corpora/apache: a real Apache httpd (Debian apache2-bin) on loopback, driven by curl, then stopped.
#
#     record_apache.sh OUT        needs root (files under /srv/shop), apache2, curl
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
site=/srv/shop
port=18081
mkdir -p $site/html $site/private
trap 'test ! -f $site/httpd.pid || kill "$(cat $site/httpd.pid)"; rm -rf $site' EXIT
echo '<h1>Shop</h1>' >$site/html/index.html
modules=/usr/lib/apache2/modules
cat >$site/httpd.conf <<CONF
ServerRoot $site
ServerName shop.example
PidFile $site/httpd.pid
Listen 127.0.0.1:$port
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule alias_module $modules/mod_alias.so
LoadModule remoteip_module $modules/mod_remoteip.so
LoadModule proxy_module $modules/mod_proxy.so
LoadModule proxy_http_module $modules/mod_proxy_http.so
User www-data
Group www-data
DocumentRoot $site/html
RemoteIPHeader X-Forwarded-For
LogLevel info
ErrorLog $site/error.log
LogFormat "%a %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" combined
LogFormat "%a %l %u %t \"%r\" %>s %b" common
CustomLog $site/access.log combined
CustomLog $site/common.log common
ProxyPass /api/ http://127.0.0.1:1/
<Location /admin>
    Require all denied
</Location>
Redirect permanent /old /
CONF
apache2 -f $site/httpd.conf
sleep 1
for n in 1 2 3 4 5 6; do
    get() { curl -s -o /dev/null --max-time 5 -H "X-Forwarded-For: 198.51.100.$n" "$@" || true; }
    get "http://127.0.0.1:$port/"
    get -A 'Mozilla/5.0 (X11; "quoted")' -e 'https://shop.example/' "http://127.0.0.1:$port/missing?item=$n"
    get -I "http://127.0.0.1:$port/old"
    get -X POST -d a=b "http://127.0.0.1:$port/api/pay"
    get "http://127.0.0.1:$port/admin/users"
    get "http://127.0.0.1:$port/%zz"
    get --path-as-is "http://127.0.0.1:$port/../../etc/passwd"
    sleep 0.4
done
kill "$(cat $site/httpd.pid)"; sleep 1
cp $site/access.log $site/common.log $site/error.log "$out/"
