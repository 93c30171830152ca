// Holds on DynamoDB: src/dynamodb/claim/change-assignment.ts. release.pml has the item that comes and goes; here
// a row also changes while it stays.
//
// Modelled:
// - a claim with a hold: a transaction that takes the item out of the bank if the ID has none; or a read, and a
//   write that gives the hold a later end
// - a confirmation, a release: a read, and a write for the row as it was read
// - a sweep: a hint that a hold has ended; a read, which has to say so again; and a write for the row as read
// - the clock: a hold can end at any moment by the clock of whoever sweeps, which covers any skew
// - messages: a request may be lost, or late without limit, also after its caller gave up or crashed; a response
//   that is lost is asked for again under the same token
//
// Bounds: 2 IDs, 1 item, 2 calls at once, each in a process of its own. No bound on calls, crashes, lost or late
// messages.
//
// Checked at each step that could break it:
//   P2     the item has one place at most: an ID or the bank
//   P3     and one at least
//   Paid   a sweep ends no assignment that is confirmed
//   Early  a sweep ends no hold that has not ended
//   Later  a confirmation is of no assignment that began after its caller was gone
// All of it holds: 180,876 states.
//
// Planted faults, to show that the checks can fail. Each is a switch and has a counterexample:
//   NO_END     the condition of a sweep leaves out the end of the hold                     Paid
//   NO_CHECK   a sweep believes the hint, and does not ask the row whether its hold ended  Early
//   NO_TIME    a confirmation asks for the same item, not for the same assignment          Later
//   REVIVE     a confirmation has no condition, and makes a row where there is none        P2

#define NONE 0
#define HELD 1
#define FINAL 2

// A name in an assertion shows up in spin's message. -DONLY=n as in claim.pml.
#ifdef ONLY
#define IGNORED(n) (ONLY != n)
#else
#define IGNORED(n) 0
#endif
byte ignoreP2 = IGNORED(2), ignoreP3 = IGNORED(3), ignorePaid = IGNORED(4);
byte ignoreEarly = IGNORED(5), ignoreLater = IGNORED(6);

// ---- The tables

bit inBank = 1;
byte row[2];              // what each ID has
bit ended[2];             // its hold has ended

// ---- Requests in the network whose call is over, for the row that there is

bit lateClaim[2], lateExtension[2], lateConfirmation[2], lateSweep[2], lateRelease[2];
bit outlivedConfirmation[2];  // a confirmation whose assignment has ended

// ---- The calls

mtype = { Idle, Hinted, Reading, Claiming, Extending, Confirming, Sweeping, Releasing };
mtype phase[2] = Idle;
mtype goal[2] = Idle;     // what the call reads the row for
byte id[2];
bit isSameRow[2];         // it is still the assignment that the call has read
bit isSameEnd[2];         // and its hold has the same end
bit applied[2];           // what DynamoDB remembers under the token

inline checkTables() {
  assert(inBank + (row[0] != NONE) + (row[1] != NONE) <= 1 || ignoreP2);
  assert(inBank + (row[0] != NONE) + (row[1] != NONE) >= 1 || ignoreP3)
}

// The row gets another end, or none.
inline changeRow(d) {
  isSameEnd[0] = isSameEnd[0] && id[0] != d;
  isSameEnd[1] = isSameEnd[1] && id[1] != d;
  lateExtension[d] = 0; lateRelease[d] = 0;
#ifndef NO_END
  lateSweep[d] = 0;
#endif
#ifndef NO_TIME
#ifndef REVIVE
  lateConfirmation[d] = 0;
#endif
#endif
  ended[d] = 0
}

inline endRow(d) {
  changeRow(d);
  isSameRow[0] = isSameRow[0] && id[0] != d;
  isSameRow[1] = isSameRow[1] && id[1] != d;
  lateSweep[d] = 0;
  outlivedConfirmation[d] = outlivedConfirmation[d] || lateConfirmation[d];
  row[d] = NONE;
  inBank = 1
}

#define CAN_CLAIM(d) (row[d] == NONE && inBank)
#define IS_AS_READ(c) (isSameRow[c] && isSameEnd[c])

// What the conditions ask for.
#define MAY_SWEEP(c) IS_AS_READ(c)
#define MAY_CONFIRM(c) IS_AS_READ(c)
#define MAY_CONFIRM_LATE(d) (row[d] == HELD)
#ifdef NO_END
#undef MAY_SWEEP
#define MAY_SWEEP(c) isSameRow[c]
#endif
#ifdef NO_TIME
#undef MAY_CONFIRM
#define MAY_CONFIRM(c) (row[id[c]] != NONE)
#undef MAY_CONFIRM_LATE
#define MAY_CONFIRM_LATE(d) (row[d] != NONE)
#endif
#ifdef REVIVE
#undef MAY_CONFIRM
#define MAY_CONFIRM(c) true
#undef MAY_CONFIRM_LATE
#define MAY_CONFIRM_LATE(d) true
#endif

inline claim(d) {
  inBank = 0; row[d] = HELD; ended[d] = 0;
  checkTables()
}

inline confirm(d) {
  changeRow(d);
  row[d] = FINAL;
  checkTables()
}

inline takeBack(d) {
  assert(row[d] == HELD || ignorePaid);
  assert(ended[d] || row[d] == FINAL || ignoreEarly);
  endRow(d);
  checkTables()
}

// ---- The call c

inline begin(d, first, why) {
  id[c] = d; phase[c] = first; goal[c] = why
}

inline end() {
  phase[c] = Idle; goal[c] = Idle;
  id[c] = 0; isSameRow[c] = 0; isSameEnd[c] = 0; applied[c] = 0
}

inline readAs(next) {
  isSameRow[c] = 1; isSameEnd[c] = 1; phase[c] = next
}

// The caller gives up, or its process crashes. What it sent stays in the network, unless it is moot.
inline giveUp() {
  if
  :: applied[c] -> skip
  :: !applied[c] && phase[c] == Claiming -> lateClaim[id[c]] = 1
  :: !applied[c] && phase[c] == Extending && IS_AS_READ(c) -> lateExtension[id[c]] = 1
  :: !applied[c] && phase[c] == Confirming && IS_AS_READ(c) -> lateConfirmation[id[c]] = 1
  :: !applied[c] && phase[c] == Sweeping && MAY_SWEEP(c) -> lateSweep[id[c]] = 1
  :: !applied[c] && phase[c] == Releasing && IS_AS_READ(c) -> lateRelease[id[c]] = 1
  :: else
  fi;
  end()
}

#define BEGIN(d) \
  :: d_step { phase[c] == Idle -> begin(d, Claiming, Idle) } \
  :: d_step { phase[c] == Idle -> begin(d, Reading, Extending) } \
  :: d_step { phase[c] == Idle -> begin(d, Reading, Confirming) } \
  :: d_step { phase[c] == Idle -> begin(d, Reading, Releasing) } \
  :: d_step { phase[c] == Idle && ended[d] -> begin(d, Hinted, Sweeping) }

active [2] proctype Call() {
  byte c = _pid;
  do
  BEGIN(0)
  BEGIN(1)

  :: d_step { phase[c] == Reading && row[id[c]] == NONE -> end() }
  // Permanent already: nothing to extend, nothing to confirm.
  :: d_step { phase[c] == Reading && row[id[c]] == FINAL && goal[c] != Releasing -> end() }
  :: d_step {
       phase[c] == Reading && (row[id[c]] == HELD || (row[id[c]] == FINAL && goal[c] == Releasing)) ->
       readAs(goal[c])
     }
  // A sweep.
#ifndef NO_CHECK
  :: d_step { phase[c] == Hinted && row[id[c]] == HELD && ended[id[c]] -> readAs(Sweeping) }
#else
  :: d_step { phase[c] == Hinted && row[id[c]] == HELD -> readAs(Sweeping) }
#endif
  :: d_step { phase[c] == Hinted -> end() }

  // The transactions. Lost requests and responses are no steps: they are sent again under their token.
  :: atomic { phase[c] == Claiming && !applied[c] && CAN_CLAIM(id[c]) -> applied[c] = 1; claim(id[c]) }
  :: d_step { phase[c] == Claiming && !applied[c] && !CAN_CLAIM(id[c]) -> end() }
  :: atomic {
       phase[c] == Extending && !applied[c] && IS_AS_READ(c) ->
       applied[c] = 1; changeRow(id[c]); checkTables()
     }
  :: atomic {
       phase[c] == Confirming && !applied[c] && MAY_CONFIRM(c) -> applied[c] = 1; confirm(id[c])
     }
  :: atomic {
       phase[c] == Sweeping && !applied[c] && MAY_SWEEP(c) -> applied[c] = 1; takeBack(id[c])
     }
  :: atomic {
       phase[c] == Releasing && !applied[c] && IS_AS_READ(c) ->
       applied[c] = 1; endRow(id[c]); checkTables()
     }
  // Told that it is committed.
  :: d_step { applied[c] -> end() }
  // The row has changed: a sweep asks the row once more, the others read it again.
  :: d_step {
       (phase[c] == Extending || phase[c] == Confirming || phase[c] == Releasing) && !applied[c] &&
         !IS_AS_READ(c) -> isSameRow[c] = 0; isSameEnd[c] = 0; phase[c] = Reading
     }
  :: d_step {
       phase[c] == Sweeping && !applied[c] && !MAY_SWEEP(c) ->
       isSameRow[c] = 0; isSameEnd[c] = 0; phase[c] = Hinted
     }
  :: d_step { phase[c] != Idle -> giveUp() }
  od
}

// Applied once at most: a request that comes again comes under a token that is spent. The rows that the
// conditions no longer fit are gone from these sets.
#define APPLY_LATE(d) \
  :: atomic { lateClaim[d] && CAN_CLAIM(d) -> lateClaim[d] = 0; claim(d) } \
  :: atomic { lateExtension[d] -> lateExtension[d] = 0; changeRow(d); checkTables() } \
  :: atomic { \
       lateConfirmation[d] && MAY_CONFIRM_LATE(d) -> \
       assert(!outlivedConfirmation[d] || row[d] == NONE || ignoreLater); \
       lateConfirmation[d] = 0; outlivedConfirmation[d] = 0; confirm(d) \
     } \
  :: atomic { lateSweep[d] -> lateSweep[d] = 0; takeBack(d) } \
  :: atomic { lateRelease[d] -> lateRelease[d] = 0; endRow(d); checkTables() } \
  :: d_step { row[d] == HELD && !ended[d] -> ended[d] = 1 }

active proctype NetworkAndClock() {
  do
  APPLY_LATE(0)
  APPLY_LATE(1)
  od
}
