#!/bin/sh
# Records corpora/python: python_app.py, run from /srv/shop/app so that tracebacks name a path of the story.
#
#     record_python.sh OUT        needs root (for /srv), Python 3.11
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(mkdir -p "$1" && cd "$1" && pwd)
app=/srv/shop/app
mkdir -p $app
trap 'rm -rf /srv/shop' EXIT
cp "$here/python_app.py" $app/orders.py
python3 $app/orders.py "$out"
