#!/usr/bin/env bash
# Looks up the Go modules and Go itself in the database of known vulnerabilities, and fails where a program calls what has one.
#   scripts/vulnerabilities.sh golang.org/x/vuln/cmd/govulncheck@VERSION PACKAGES...
# Where the database cannot be reached (GOVULNDB, else https://vuln.go.dev) nothing is looked up: it says so, and does not fail.
set -euo pipefail
cd "$(dirname "$0")/.."

tool=$1
shift
go=${GO:-go}
database=${GOVULNDB:-https://vuln.go.dev}

# why_not asks for what govulncheck asks for first, and prints what went wrong; nothing where the database answers. It may be a folder.
why_not() {
    python3 - "${database%/}/index/db.json" <<'END'
import sys, urllib.request
try:
    urllib.request.urlopen(sys.argv[1], timeout=15).read(1)
except Exception as error:
    print(error)
END
}

reason=$(why_not)
if [ -n "$reason" ]; then
    echo "govulncheck: not run, as $database cannot be reached ($reason): known vulnerabilities of modules and of Go were not looked up" >&2
    exit 0
fi
exec "$go" run "$tool" -db "$database" "$@"
