#!/usr/bin/env bash
# Lists the licences of everything that is linked into the two programs or bundled into the editor page: Go's own library, the Go modules, the
# npm packages. Fails where one has no licence text, or a text that no pattern below names.
#   scripts/licences.sh          a line each: name, version, licence
#   scripts/licences.sh FILE     the same, and the full texts into FILE, which has to go with the programs
# libtorch and libisactorch.so are not linked: whoever ships them adds their texts.
set -euo pipefail
cd "$(dirname "$0")/.."

PROGRAMS=(./host-bridge/isac-host ./plugin/isac-plugin)
WEB=host-bridge/web
out=${1:-/dev/null}
bad=0

# classify names the licences of a text by words that only they have; a text may hold several.
classify() {
    local text
    text=$(tr -s '[:space:]' ' ' <"$1")
    has() { if [[ $text == *"$1"* ]]; then echo "$2"; fi; }
    has 'Apache License Version 2.0' Apache-2.0
    has 'Mozilla Public License' MPL-2.0
    has 'SIL OPEN FONT LICENSE' OFL-1.1
    has 'free and unencumbered software released into the public domain' Unlicense
    has 'Permission is hereby granted, free of charge' MIT
    has 'The FreeType Project LICENSE' FTL
    has 'Permission to use, copy, modify, and' ISC
    has 'Creative Commons Attribution 4.0' CC-BY-4.0
    has 'Creative Commons Attribution 3.0' CC-BY-3.0
    if [[ $text == *'Redistribution and use in source and binary forms'* ]]; then
        if [[ $text == *'either the name'* ]]; then echo BSD-3-Clause; else echo BSD-2-Clause; fi
    fi
}

# texts finds the licence and notice files of a folder.
texts() { find "$1" -maxdepth 2 -type f \( -path "$1/licenses/*" -o -path "$1/[^/]*" \) | grep -iE "^$1/((un)?licen[cs]es?|copying|notice|patents|third_party_licen[cs]es)[^/]*(/[^/]*)?$" | grep -vE '\.go$' | sort; }

# entry writes the line of one package, and its texts to $out.
entry() { # name version folder
    local file kind found=()
    while read -r file; do
        [ -n "$file" ] || continue
        printf '\n==== %s %s: %s\n\n' "$1" "$2" "$(basename "$file")" >>"$out"
        cat "$file" >>"$out"
        for kind in $(classify "$file"); do
            [[ " ${found[*]-} " == *" $kind "* ]] || found+=("$kind")
        done
    done < <(texts "$3")
    if [ ${#found[@]} -eq 0 ]; then
        echo "licences: no licence that is known in $3 (of $1 $2)" >&2
        bad=1
        return
    fi
    printf '%-48s %-40s %s\n' "$1" "$2" "${found[*]}"
}

[ "$out" = /dev/null ] || { mkdir -p "$(dirname "$out")" && : >"$out"; }

entry go "$(go env GOVERSION)" "$(go env GOROOT)"
modules=$(go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' "${PROGRAMS[@]}" | sort -u)
while read -r name version folder; do
    entry "$name" "$version" "$folder"
done <<<"$modules"

# Only what the page depends on at run time is bundled.
if [ ! -d "$WEB/node_modules" ]; then
    echo "licences: $WEB/node_modules is not there: run make web first" >&2
    exit 1
fi
packages=$(cd "$WEB" && npm ls --omit=dev --all --parseable --long)
while IFS=: read -r folder name _; do
    [ "$folder" != "$PWD/$WEB" ] || continue
    entry "${name%@*}" "${name##*@}" "$folder"
done <<<"$packages"
exit $bad
