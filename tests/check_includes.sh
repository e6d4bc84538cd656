#!/bin/sh
# Checks the shape of the source tree; prints what is wrong and fails.
#   - A folder of src/ includes only folders that its r1_library line in CMakeLists.txt names (src/cli: any), and such a
#     line names only folders of lines above it: so includes point down, and there is no circle.
#   - The picture of docs/architecture.md shows exactly the folders of src/.
#   - No file is longer than can be read in one sitting (generated ones say "do not edit" in their first lines).
set -eu
cd "${1:-"$(dirname "$0")/.."}"
limit=600

{
    sed -n 's/^r1_library(\(.*\))$/arrow \1/p' CMakeLists.txt
    for folder in src/*/; do echo "folder $(basename "$folder")"; done
    # The words of the first block of the document are the picture's folders.
    awk '/^```/ { block++; next } block == 1' docs/architecture.md | grep -o '[a-z_][a-z_]*' | sed 's/^/picture /'
    grep -rn --include='*.h' --include='*.cpp' --include='*.cu' '^ *# *include *"' src |
        sed 's/^\(src\/[^:]*:[0-9]*\):.*"\(.*\)".*/include \1 \2/'
    find src tests scripts -name golden -prune -o -type f \( -name '*.cpp' -o -name '*.h' -o -name '*.cu' -o -name '*.py' \
        -o -name '*.sh' \) -print | while read -r file; do
        head -3 "$file" | grep -qi 'do not edit' || echo "length $(wc -l <"$file") $file"
    done
} | awk -v limit="$limit" '
    function wrong(text) { print text; status = 1 }
    $1 == "arrow" {
        for (i = 3; i <= NF; i++) {
            if (!($i in library)) wrong("CMakeLists.txt: " $2 " names " $i ", which is not above it")
            allowed[$2, $i] = 1
        }
        library[$2] = 1
    }
    $1 == "folder" {
        folders[$2] = 1
        if (!($2 in library) && $2 != "cli") wrong("CMakeLists.txt: no r1_library line for src/" $2)
    }
    $1 == "picture" { picture[$2] = 1 }
    $1 == "include" {
        split($2, path, "/")
        split($3, target, "/")
        from = path[2]
        to = target[1]
        if (!(to in folders) || index($3, "/") == 0)
            wrong($2 ": include \"" $3 "\" by its path from src/")
        else if (from != "cli" && from != to && !((from, to) in allowed))
            wrong($2 ": " from " may not include " to " (see the r1_library lines of CMakeLists.txt)")
        includes++
    }
    $1 == "length" && $2 > limit { wrong($3 ": " $2 " lines; at most " limit) }
    END {
        for (name in library) if (!(name in folders)) wrong("CMakeLists.txt: r1_library(" name ") has no folder")
        for (name in folders) if (!(name in picture)) wrong("docs/architecture.md: the picture lacks " name)
        for (name in picture) if (!(name in folders)) wrong("docs/architecture.md: the picture shows " name ", which is no folder")
        if (includes == 0) wrong("no includes were found")
        exit status
    }'
