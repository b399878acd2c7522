#!/bin/sh
# Records corpora/openssh and corpora/syslog: a real sshd on loopback and `logger`, both through a real rsyslogd that
# writes its three standard file formats; then stops them.
#
#     record_syslog.sh OPENSSH_OUT SYSLOG_OUT        needs root, rsyslogd, sshd, ssh, logger, python3; /dev/log must be free
#
# rsyslogd is told an invented host name (bastion-01); messages of other hosts arrive over UDP as from a relay.
set -eu
mkdir -p "$1" "$2"
openssh=$(cd "$1" && pwd)
syslog=$(cd "$2" && pwd)
work=$(mktemp -d)
ssh_port=12222
relay_port=15140
trap 'for p in $work/*.pid; do test ! -f "$p" || kill "$(cat "$p")"; done; rm -rf "$work"' EXIT
test ! -e /dev/log || { echo "/dev/log is in use" >&2; exit 1; }

cat >"$work/rsyslog.conf" <<CONF
global(workDirectory="$work" localHostname="bastion-01")
module(load="imuxsock" SysSock.Name="/dev/log" SysSock.RateLimit.Interval="0")
module(load="imudp")
input(type="imudp" address="127.0.0.1" port="$relay_port" ruleset="relay")
ruleset(name="relay") {
    action(type="omfile" file="$work/relay.log" template="RSYSLOG_TraditionalFileFormat")
    action(type="omfile" file="$work/rfc5424.log" template="RSYSLOG_SyslogProtocol23Format")
}
auth,authpriv.* action(type="omfile" file="$work/auth.log" template="RSYSLOG_TraditionalFileFormat")
*.*;auth,authpriv.none action(type="omfile" file="$work/messages" template="RSYSLOG_TraditionalFileFormat")
*.*;auth,authpriv.none action(type="omfile" file="$work/iso.log" template="RSYSLOG_FileFormat")
*.*;auth,authpriv.none action(type="omfile" file="$work/rfc5424.log" template="RSYSLOG_SyslogProtocol23Format")
CONF
rsyslogd -n -f "$work/rsyslog.conf" -i "$work/rsyslogd.pid" &
sleep 1

ssh-keygen -q -t ed25519 -N '' -C demo -f "$work/host_key"
ssh-keygen -q -t ed25519 -N '' -C deploy -f "$work/user_key"
cp "$work/user_key.pub" "$work/authorized_keys"
chmod 755 "$work"
mkdir -p /run/sshd
cat >"$work/sshd_config" <<CONF
ListenAddress 127.0.0.1:$ssh_port
HostKey $work/host_key
PidFile $work/sshd.pid
AuthorizedKeysFile $work/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication yes
PermitRootLogin prohibit-password
LogLevel VERBOSE
MaxAuthTries 4
CONF
"$(command -v sshd || echo /usr/sbin/sshd)" -f "$work/sshd_config"
printf '#!/bin/sh\necho wrong\n' >"$work/askpass"; chmod +x "$work/askpass"
try() { # try BIND_ADDRESS USER [OPTION...]
    from=$1 user=$2; shift 2
    SSH_ASKPASS_REQUIRE=force SSH_ASKPASS="$work/askpass" timeout 8 ssh -F none -p $ssh_port -b "$from" -o StrictHostKeyChecking=no \
        -o UserKnownHostsFile=/dev/null -o NumberOfPasswordPrompts=2 "$@" "$user@127.0.0.1" true >/dev/null 2>&1 </dev/null || true
}
for round in 1 2 3 4; do
    try 127.0.0.$((round + 4)) admin -o PubkeyAuthentication=no
    try 127.0.0.$((round + 4)) root -o PubkeyAuthentication=no
    try 127.0.0.66 "oracle$round" -o BatchMode=yes
    try 127.0.0.9 root -i "$work/user_key" -o IdentitiesOnly=yes
done
printf 'GET / HTTP/1.0\r\n\r\n' | timeout 2 curl -s telnet://127.0.0.1:$ssh_port >/dev/null || true
try 127.0.0.77 guest -o KexAlgorithms=diffie-hellman-group1-sha1
kill "$(cat "$work/sshd.pid")"; rm -f "$work/sshd.pid"

for n in $(seq 1 25); do
    logger -t shop-sync -p user.info "synchronised $((n * 37)) items in $((n * 11)) ms, batch=$n"
    test $((n % 5)) -ne 0 || logger -t shop-sync -p user.warning "slow answer from stock service, attempt=$n host=stock-$((n % 3))"
    test $((n % 8)) -ne 0 || logger -t shop-sync -p user.err "could not reach stock service: connection refused (errno 111)"
done
logger -t kernel-demo -p kern.notice 'Out of memory: Killed process 4711 (java) total-vm:8123456kB, anon-rss:4000128kB'
logger -i -t backup -p daemon.crit 'volume "data 1" is 97% full; <needle in syslog> &amp; more'
printf 'unit failed\nwith a second line' | logger -t two-lines -p daemon.err

python3 - $relay_port <<'PYTHON'
import datetime, socket, sys, time
relay = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

def send(message):
    relay.sendto(message.encode(), ("127.0.0.1", int(sys.argv[1])))
    time.sleep(0.1)

for n in range(30):
    host = ["web-01", "web-02", "db-01"][n % 3]
    stamp = time.strftime("%b %e %H:%M:%S")
    tag, text = [("haproxy[811]", f"Server shop/web{n % 4} is UP, reason: Layer7 check passed, code: 200, check duration: {n}ms"),
                 ("systemd[1]", f"Started Session {n + 100} of User deploy."),
                 ("postgres[902]", f"[{n}-1] LOG:  connection authorized: user=shop database=payments")][n % 3]
    send(f"<30>{stamp} {host} {tag}: {text}")
    if n % 10 == 9:
        now = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=5, minutes=30))).isoformat(timespec="milliseconds")
        send(f'<85>1 {now} audit-01 auditd 4242 LOGIN [origin@32473 ip="192.0.2.{n}" user="an\\"na"][meta sequenceId="{n}"] \ufefflogin accepted für anna')
PYTHON
sleep 1
sed "s|$work/|/etc/ssh/|" "$work/auth.log" >"$openssh/auth.log"
cp "$work/messages" "$work/iso.log" "$work/rfc5424.log" "$work/relay.log" "$syslog/"
