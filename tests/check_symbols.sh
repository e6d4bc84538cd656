#!/bin/sh
# Fails if an object that was compiled for AVX2 or AVX-512 defines a weak symbol outside the namespace of its
# instruction set. The linker keeps one copy of a weak symbol for the whole program: were it this one, the program
# would end with an illegal instruction on a processor that lacks the instruction set.
# Usage: check_symbols.sh BUILD_FOLDER
set -eu
build=${1:?usage: check_symbols.sh BUILD_FOLDER}
status=0
for isa in avx2 avx512; do
    objects=$(find "$build/CMakeFiles/r1_cpu_$isa.dir" -name '*.o')
    if [ -z "$objects" ]; then
        echo "no objects of r1_cpu_$isa in $build: build r1_ops first"
        exit 1
    fi
    for object in $objects; do
        weak=$(nm -C --defined-only "$object" | grep ' [WVu] ' | grep -v "r1::ops::cpu::$isa::" || true)
        if [ -n "$weak" ]; then
            printf '%s defines symbols that the linker may share:\n%s\n' "$object" "$weak"
            status=1
        fi
    done
done
exit $status
