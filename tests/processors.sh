#!/usr/bin/env bash
# The tests as other processors would run them: other instruction sets for BLAS, numpy, numba and torch, one thread and two.
#
#     tests/processors.sh                         all settings, one after the other; make test-processors does the same
#     tests/processors.sh nehalem threads -- -x tests/laws    some of them, and what pytest is to do
#
# A setting that this processor lacks (avx512 on most) is left out and said. Compiled loops are kept apart in one folder a setting,
# below REPDRIFT_PROCESSORS (default: a folder of its own in /tmp), since numba's cache takes no notice of vector width.
set -uo pipefail
cd "$(dirname "$0")/.."

declare -A SETTINGS=(
  # SSE2 to SSE4.2, no fused multiply and add: what a computer of 2008 has, and what compiled wheels fall back to
  [nehalem]="OPENBLAS_CORETYPE=Nehalem NPY_DISABLE_CPU_FEATURES=AVX,F16C,FMA3,AVX2 NUMBA_CPU_NAME=nehalem NUMBA_CPU_FEATURES=
             ATEN_CPU_CAPABILITY=default MKL_ENABLE_INSTRUCTIONS=SSE4_2 ONEDNN_MAX_CPU_ISA=SSE41"
  # the smallest common set, compiled loops without vectors
  [generic]="OPENBLAS_CORETYPE=Prescott NPY_DISABLE_CPU_FEATURES=SSSE3,SSE41,POPCNT,SSE42,AVX,F16C,FMA3,AVX2 NUMBA_CPU_NAME=generic
             NUMBA_CPU_FEATURES= NUMBA_LOOP_VECTORIZE=0 NUMBA_SLP_VECTORIZE=0 ATEN_CPU_CAPABILITY=default MKL_CBWR=COMPATIBLE"
  # AVX of four doubles, without fused multiply and add
  [sandybridge]="OPENBLAS_CORETYPE=Sandybridge NPY_DISABLE_CPU_FEATURES=FMA3,AVX2 NUMBA_CPU_NAME=sandybridge NUMBA_CPU_FEATURES=+avx
                 ATEN_CPU_CAPABILITY=default MKL_ENABLE_INSTRUCTIONS=AVX ONEDNN_MAX_CPU_ISA=AVX"
  # AVX2 with fused multiply and add
  [haswell]="OPENBLAS_CORETYPE=Haswell NUMBA_CPU_NAME=haswell ATEN_CPU_CAPABILITY=avx2 MKL_CBWR=AVX2"
  # AVX-512
  [skylake]="OPENBLAS_CORETYPE=SkylakeX NUMBA_CPU_NAME=skylake-avx512 ATEN_CPU_CAPABILITY=avx512 MKL_ENABLE_INSTRUCTIONS=AVX512"
  # this processor as it is, with two threads everywhere; the others take one
  [threads]="OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=2 MKL_NUM_THREADS=2 NUMBA_NUM_THREADS=2"
)
declare -A NEEDS=([nehalem]=sse4_2 [generic]=sse2 [sandybridge]=avx [haswell]=avx2 [skylake]=avx512f [threads]=sse2)

chosen=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do chosen+=("$1"); shift; done
[ $# -gt 0 ] && shift
[ ${#chosen[@]} -gt 0 ] || chosen=(nehalem generic sandybridge haswell skylake threads)
kept=${REPDRIFT_PROCESSORS:-$(mktemp -d)}
failed=()
for name in "${chosen[@]}"; do
  [ -n "${SETTINGS[$name]:-}" ] || { echo "no setting $name: take ${!SETTINGS[*]}"; exit 2; }
  grep -qw "${NEEDS[$name]}" /proc/cpuinfo || { echo "$name: left out, this processor has no ${NEEDS[$name]}"; continue; }
  echo "$name: ${SETTINGS[$name]}" | tr -s ' \n' ' '; echo
  mkdir -p "$kept/$name"
  env OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1 NUMBA_CACHE_DIR="$kept/$name" ${SETTINGS[$name]} \
    nice .venv/bin/python -m pytest "$@" || failed+=("$name")
done
[ ${#failed[@]} -eq 0 ] || { echo "failed under: ${failed[*]}"; exit 1; }
