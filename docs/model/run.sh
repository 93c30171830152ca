#!/usr/bin/env bash
# Checks the models beside this script with spin: that the promises hold, and that each planted
# fault has a counterexample. Takes six minutes and 1 GB. To read a counterexample step by step:
#   spin -a -DANY_PASS claim.pml && gcc -DBFS -o pan pan.c && ./pan
#   spin -DANY_PASS -t -p -g claim.pml
set -euo pipefail

for tool in spin gcc; do
  if ! command -v "$tool" >/dev/null; then
    echo "Skipped: $tool is not installed (Debian, Ubuntu: apt-get install spin gcc libc6-dev)."
    exit 0
  fi
done

models=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

checks=0
unmet=0
row='%-12s  %-54s  %-14s  %-14s  %8s  %5s\n'

# What the verifier found: "holds" after a search of all states, "breaks P…", or "no answer".
found_in() {
  local log=$1 promise
  promise=$(sed -nE 's/.*assertion violated.*ignore([A-Za-z0-9]+).*/\1/p' "$log" | head -n 1)
  if [[ -n $promise ]]; then
    echo "breaks $promise"
  elif grep -q 'errors: 0' "$log" && ! grep -qE 'not completed|search depth too small' "$log"; then
    echo holds
  else
    echo 'no answer'
  fi
}

# check MODEL EXPECTATION [SWITCH…]
check() {
  local model=$1 expected=$2 found states start=$SECONDS
  shift 2
  # Breadth first finds the shortest counterexample; depth first needs less memory for all states.
  local search=-DBFS
  if [[ $expected == holds ]]; then search=-DSAFETY; fi
  spin "$@" -a "$models/$model" >spin.log || { cat spin.log; exit 1; }
  gcc -w -O2 -DMEMLIM=4000 "$search" -o pan pan.c
  ./pan -m3000000 -w24 >pan.log || true
  found=$(found_in pan.log)
  states=$(sed -nE 's/^ *([0-9.e+]+) states, stored.*/\1/p' pan.log | head -n 1)
  # shellcheck disable=SC2059
  printf "$row" "$model" "$*" "$expected" "$found" "${states:--}" "$((SECONDS - start)) s"
  checks=$((checks + 1))
  if [[ $found != "$expected" ]]; then
    unmet=$((unmet + 1))
    cat pan.log
  fi
}

# shellcheck disable=SC2059
printf "$row" model switches expected found states time

check claim.pml holds
check claim.pml holds -DONE_PROCESS
check claim.pml holds -DNO_TOKEN
check claim.pml 'breaks P4' -DNULL_WITHOUT_READ
check claim.pml 'breaks P4' -DPLAIN_READ_FOR_NULL
check claim.pml 'breaks P4' -DANY_PASS
check claim.pml 'breaks P4' -DSTALE_PASS
check claim.pml 'breaks P4' -DIGNORE_IN_FLIGHT -DONE_PROCESS
check claim.pml 'breaks P3' -DTWO_WRITES
check claim.pml 'breaks P1' -DUNCONDITIONAL_PUT -DONLY=1
check claim.pml 'breaks P3' -DUNCONDITIONAL_PUT -DONLY=3
check claim.pml 'breaks P2' -DUNCONDITIONAL_DELETE
check claim.pml 'breaks P1' -DGUESS_SUCCESS

check seeding.pml holds
check seeding.pml 'breaks P2' -DPLAIN_BATCH
check seeding.pml 'breaks P2' -DNO_TOKEN
check seeding.pml 'breaks P3' -DEARLY_ANSWER
check seeding.pml 'breaks P2' -DSECOND_RUN
check seeding.pml holds -DSECOND_RUN -DNOTHING_LATE
check seeding.pml holds -DSECOND_RUN -DLEDGER
check seeding.pml holds -DSECOND_RUN -DLEDGER -DOPEN_SALE
check seeding.pml 'breaks P2' -DSECOND_RUN -DLEDGER -DLOOK_ONLY

check release.pml holds
check release.pml 'breaks P1' -DSTALE_READ
check release.pml 'breaks P1' -DPLAIN_READ_FOR_NULL
check release.pml 'breaks Later' -DNO_TIME
check release.pml 'breaks Later' -DNO_CONDITION
check release.pml 'breaks P3' -DTWO_WRITES

check hold.pml holds
check hold.pml 'breaks Paid' -DNO_END -DONLY=4
check hold.pml 'breaks Early' -DNO_CHECK
check hold.pml 'breaks Later' -DNO_TIME
check hold.pml 'breaks P2' -DREVIVE

check group.pml holds
check group.pml holds -DCALLS=3 -DRELEASES=0
check group.pml 'breaks P1' -DPOSITIONS_MIXED_UP -DRELEASES=0
check group.pml 'breaks P1' -DTOLD_IN_PART -DRELEASES=0
check group.pml 'breaks Claimed' -DTOLD_IN_PART -DRELEASES=0 -DONLY=7
check group.pml 'breaks P4' -DBLAMELESS_GONE -DRELEASES=0
check group.pml 'breaks Hang' -DLOST_BETWEEN_GROUPS -DRELEASES=0
check group.pml 'breaks Written' -DREGROUPED -DRELEASES=0
check group.pml holds -DREGROUPED -DRELEASES=0 -DONLY=6
check group.pml 'breaks Twice' -DREGROUPED -DONLY=6
check group.pml 'breaks Written' -DUNKNOWN_READ_AS_REFUSED -DRELEASES=0
check group.pml holds -DUNKNOWN_READ_AS_REFUSED -DRELEASES=0 -DONLY=6
check group.pml 'breaks Twice' -DUNKNOWN_READ_AS_REFUSED -DONLY=6
check group.pml holds -DOTHER_CONTENT -DRELEASES=0
check group.pml 'breaks Twice' -DOTHER_CONTENT
check group.pml 'breaks P1' -DOTHER_CONTENT -DNO_MISMATCH -DRELEASES=0
check group.pml 'breaks Poison' -DPOISON_SPREADS
check group.pml holds -DSAME_ID_TWICE
check group.pml 'breaks Poison' -DSAME_ID_TWICE -DPOISON_SPREADS -DNO_POISON
check group.pml 'breaks Twice' -DCALLS=1 -DRELEASES=2
check group.pml holds -DCALLS=1 -DRELEASES=2 -DNO_COPIES

check original.pml holds -DONLY=1
check original.pml holds -DONLY=2
check original.pml holds -DONLY=3
check original.pml 'breaks P3' -DONLY=3 -DCRASHES
check original.pml 'breaks P3' -DONLY=3 -DLOST_RESPONSES
check original.pml 'breaks P4' -DONLY=4
check original.pml 'breaks P2' -DONLY=2 -DLOST_RESPONSES -DSTALE_READS

if ((unmet > 0)); then
  echo "$unmet of $checks expectations not met."
  exit 1
fi
echo "All $checks expectations met."
