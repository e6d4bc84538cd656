#!/bin/sh
# tests/run.sh BUILD [arguments of ctest]: runs the tests of a build and ends with "N passed, N failed".
# A case of a GoogleTest program counts as one, as does a script; so does a program that ends without a result.
set -eu
build=$1
shift
results=$build/test-results
rm -rf "$results"
mkdir -p "$results"
cd "$build"
status=0
GTEST_OUTPUT=xml:$results/ ctest --output-on-failure --timeout 600 -j "$(nproc)" --output-log "$results/ctest.log" \
    --no-tests=error "$@" || status=$?

# GoogleTest's files: test_NAME.xml with one line for each case.
touch "$results/none.xml"
completed=$(cat "$results"/*.xml | grep -c '<testcase .*result="completed"' || true)
failed_cases=$(cat "$results"/*.xml | sed -n 's/^<testsuites .*failures="\([0-9]*\)".*/\1/p' | awk '{ n += $1 } END { print n + 0 }')
passed=$((completed - failed_cases))
failed=$failed_cases
# ctest's lines: " 1/12 Test  #3: NAME ....   Passed    0.02 sec"
while read -r name outcome; do
    if [ "$outcome" = Passed ]; then
        [ -e "$results/test_$name.xml" ] || passed=$((passed + 1))
    elif ! grep -qs '<failure' "$results/test_$name.xml"; then
        failed=$((failed + 1)) # crashed, timed out, or no GoogleTest program
    fi
done <<LINES
$(sed -n 's/^ *[0-9]*\/[0-9]* Test *#[0-9]*: \([^ ]*\) [ .]*\(\**\)\([A-Za-z]*\).*/\1 \3/p' "$results/ctest.log")
LINES
[ "$failed" = 0 ] || status=1
[ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1
echo "$passed passed, $failed failed"
exit "$status"
