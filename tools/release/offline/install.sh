#!/bin/sh
# Installs pywats-archive without a network: sh install.sh [FOLDER]
# PYTHON names the Python to use, if it is not found.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
version=$(tr -d '\r\n' < "$here/python-version.txt")
python=${PYTHON:-python$version}
if ! command -v "$python" > /dev/null; then
    echo "install.sh: Python $version is needed and '$python' is not found; install it, or name it with PYTHON=/path" >&2
    exit 2
fi
exec "$python" "$here/install.py" "$@"
