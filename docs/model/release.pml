// Claims and releases on DynamoDB: src/dynamodb/claim/atomic-claim.ts, atomic-release.ts, transaction.ts.
// claim.pml has the candidate pool, and rows that stay; here rows come and go.
//
// Modelled:
// - a claim: a strongly consistent read, then TransactWriteItems with any item as candidate,
//   or, once every item has been absent from the bank since the call began (what the pool proves),
//   the transactional read before null
// - a release, or a retirement: a strongly consistent read, and a transactional one before null; then
//   TransactWriteItems: delete the row if it is the one that was read (the same `assigned_at`), and
//   put the item into the bank, or not
// - transactions whose rows become visible one by one to plain reads: the row of an ID may show up,
//   and go, before or after the item goes and shows up; transactions on either wait
// - messages: a request or a response may be lost, or late without limit, also after the caller gave
//   up or crashed
//
// Bounds: 2 IDs, 2 items, 2 calls at once, each in a process of its own. No bound on calls, crashes,
// errors, lost or late messages.
//
// Checked at each step that could break it:
//   P1     a call is told an item that its ID had at some instant of the call, or that a release which
//          is just being committed takes from it; or null, if its ID has none
//   P2     no item has two IDs, nor an ID and a place in the bank
//   P3     every item is in the bank, with an ID, or retired
//   Later  a release ends no assignment that began after its caller was gone
// All of it holds: 7,767,008 states.
//
// Planted faults, to show that the checks can fail. Each is a switch and has a counterexample:
//   STALE_READ             the first read of a claim is eventually consistent               P1
//   PLAIN_READ_FOR_NULL    no transactional read before the null of a release               P1
//   NO_TIME                the release asks for the same item, not for the same assignment  Later
//   NO_CONDITION           the release does not ask whether the row is unchanged            Later
//   TWO_WRITES             the assignment ends, then the item returns                       P3

#define IDS 2
#define NO_ID IDS
// An item is one bit of a set of items, so the items are 1 and 2.
#define BOTH 3
#define IN(set, i) (((set) & (i)) != 0)
#define WITHOUT(set, i) ((set) & ~(i))

// -DONLY=n leaves all promises but Pn unchecked. A name in an assertion shows up in spin's message.
#ifdef ONLY
#define IGNORED(n) (ONLY != n)
#else
#define IGNORED(n) 0
#endif
byte ignoreP1 = IGNORED(1), ignoreP2 = IGNORED(2), ignoreP3 = IGNORED(3), ignoreLater = IGNORED(4);

// ---- The tables

byte bank = BOTH;          // the items that are in the bank
byte itemOf[IDS];          // the row of each ID; 0: none
byte retired;              // the items that were retired
byte hadBefore[IDS];       // STALE_READ: the items of earlier rows

// The transaction whose rows are not all visible yet: its ID, and what plain reads still see of it.
byte committing = NO_ID;
byte shown;                // the row of that ID to plain reads; 0: none

// ---- Requests in the network whose call is over

byte lateClaims[IDS];      // for each ID, the items that they would assign
byte lateReleases[IDS];    // the items that they would take from it, if the row is as they expect
byte lateReturns[IDS];     // those of them that would put the item back; the others retire it
byte outlived[IDS];        // those whose assignment has ended: with `assigned_at` they are moot

// ---- The calls

mtype = { Idle, Reading, Choosing, Claiming, Asking, Confirming, Releasing, Returning };
mtype phase[2] = Idle;
byte id[2];
byte item[2];              // the candidate, or the item to be released
bit isReturn[2];           // the release is no retirement
bit isSame[2];             // the row is still the one that the release has read
bit applied[2];            // the transaction was applied: what DynamoDB remembers under its token

// ---- What only the checks know

byte stayed[2];            // the items that have been in the bank since the call began
byte had[2];               // the items that the ID has had since then

#define OWNERS(i) ((itemOf[0] == i) + (itemOf[1] == i))
#define VISIBLE(d) (committing == d -> shown : itemOf[d])
#define IS_LOCKED(d) (committing == d)
// TWO_WRITES: the item that a living call has taken from its ID and will put back is not lost yet.
#define HELD(i) ((phase[0] == Returning && item[0] == i) || (phase[1] == Returning && item[1] == i))

inline checkItem(i) {
  assert(IN(bank, i) + OWNERS(i) <= 1 || ignoreP2);
  assert(IN(bank, i) || OWNERS(i) > 0 || IN(retired, i) || HELD(i) || ignoreP3)
}

inline checkTables() {
  checkItem(1); checkItem(2)
}

inline enterBank(i) {
  bank = bank | i
}

inline leaveBank(i) {
  bank = WITHOUT(bank, i);
  stayed[0] = WITHOUT(stayed[0], i);
  stayed[1] = WITHOUT(stayed[1], i)
}

// The rows become visible one after the other: `before` is what plain reads see in the meantime.
inline showLate(d, before) {
  if
  :: committing = d; shown = before
  :: committing = d; shown = itemOf[d]
  fi
}

inline assign(d, i) {
  leaveBank(i);
  itemOf[d] = i;
  had[0] = (id[0] == d && phase[0] != Idle -> had[0] | i : had[0]);
  had[1] = (id[1] == d && phase[1] != Idle -> had[1] | i : had[1]);
  showLate(d, 0);
  checkTables()
}

#define CAN_CLAIM(d, i) (committing == NO_ID && itemOf[d] == 0 && IN(bank, i))

// The row of the ID ends: nobody's request is for the row that it gets next.
inline endRow(d, i) {
  outlived[d] = outlived[d] | lateReleases[d];
#ifndef NO_TIME
#ifndef NO_CONDITION
  lateReleases[d] = 0; lateReturns[d] = 0; outlived[d] = 0;
#endif
#endif
  isSame[0] = isSame[0] && id[0] != d;
  isSame[1] = isSame[1] && id[1] != d;
#ifdef STALE_READ
  hadBefore[d] = hadBefore[d] | i;
#endif
  itemOf[d] = 0
}

inline release(d, i, isReturned) {
  endRow(d, i);
#ifndef TWO_WRITES
  if
  :: isReturned -> enterBank(i)
  :: else -> retired = retired | i
  fi;
#else
  if
  :: isReturned
  :: else -> retired = retired | i
  fi;
#endif
  showLate(d, i)
}

// What the condition of a release asks for.
#define IS_MET(d, i, same) (itemOf[d] == i && (same))
#ifdef NO_TIME
#undef IS_MET
#define IS_MET(d, i, same) (itemOf[d] == i)
#endif
#ifdef NO_CONDITION
#undef IS_MET
#define IS_MET(d, i, same) true
#endif
#define CAN_RELEASE(d, i, same) (committing == NO_ID && IS_MET(d, i, same))

// ---- The call c

inline begin(d, first) {
  id[c] = d;
  stayed[c] = bank;
  had[c] = itemOf[d];
  phase[c] = first
}

inline end() {
  phase[c] = Idle;
  id[c] = 0; item[c] = 0; isReturn[c] = 0; isSame[c] = 0; applied[c] = 0; stayed[c] = 0; had[c] = 0;
  checkTables()
}

inline tell(i) {
  assert(IN(had[c], i) || (committing == id[c] && shown == i) || ignoreP1);
  end()
}

inline tellNull() {
  assert(itemOf[id[c]] == 0 || ignoreP1);
  end()
}

// The caller gives up, or its process crashes. What it sent stays in the network.
inline giveUp() {
  if
  :: phase[c] == Claiming && !applied[c] -> lateClaims[id[c]] = lateClaims[id[c]] | item[c]
  :: phase[c] == Releasing && !applied[c] && IS_MET(id[c], item[c], isSame[c]) ->
     lateReleases[id[c]] = lateReleases[id[c]] | item[c];
     lateReturns[id[c]] = WITHOUT(lateReturns[id[c]], item[c]) | (isReturn[c] * item[c])
  :: else
  fi;
  end()
}

active [2] proctype Call() {
  byte c = _pid;
  do
  :: d_step { phase[c] == Idle -> begin(0, Reading) }
  :: d_step { phase[c] == Idle -> begin(1, Reading) }
  :: d_step { phase[c] == Idle -> begin(0, Asking); isReturn[c] = 1 }
  :: d_step { phase[c] == Idle -> begin(1, Asking); isReturn[c] = 1 }
  :: d_step { phase[c] == Idle -> begin(0, Asking) }

  // A claim: the first read, which may be skipped.
  :: atomic {
       phase[c] == Reading && VISIBLE(id[c]) != 0 ->
       item[c] = VISIBLE(id[c]); tell(item[c])
     }
#ifdef STALE_READ
  :: atomic { phase[c] == Reading && IN(hadBefore[id[c]], 1) -> tell(1) }
  :: atomic { phase[c] == Reading && IN(hadBefore[id[c]], 2) -> tell(2) }
#endif
  :: d_step { phase[c] == Reading -> phase[c] = Choosing }

  // A candidate, or the proof that there is none and the last look at the ID.
  :: d_step { phase[c] == Choosing -> item[c] = 1; phase[c] = Claiming }
  :: d_step { phase[c] == Choosing -> item[c] = 2; phase[c] = Claiming }
  :: atomic {
       phase[c] == Choosing && stayed[c] == 0 && !IS_LOCKED(id[c]) && itemOf[id[c]] != 0 ->
       tell(itemOf[id[c]])
     }
  :: atomic {
       phase[c] == Choosing && stayed[c] == 0 && !IS_LOCKED(id[c]) && itemOf[id[c]] == 0 ->
       tellNull()
     }

  // The transaction. A lost request, a lost response and a conflict are no steps: it is sent again.
  :: atomic {
       phase[c] == Claiming && !applied[c] && CAN_CLAIM(id[c], item[c]) ->
       applied[c] = 1; assign(id[c], item[c])
     }
  // Committed: told by the response, or by the token, even if the item has been released since.
  :: atomic { phase[c] == Claiming && applied[c] && !IS_LOCKED(id[c]) -> tell(item[c]) }
  :: atomic {
       phase[c] == Claiming && !applied[c] && !IS_LOCKED(id[c]) && itemOf[id[c]] != 0 ->
       tell(itemOf[id[c]])
     }
  :: d_step {
       phase[c] == Claiming && !applied[c] && !IS_LOCKED(id[c]) && itemOf[id[c]] == 0 &&
         !IN(bank, item[c]) ->
       item[c] = 0; phase[c] = Choosing
     }
  // The attempt stays in the network, and the call tries another candidate.
  :: d_step {
       phase[c] == Claiming && !applied[c] ->
       lateClaims[id[c]] = lateClaims[id[c]] | item[c]; item[c] = 0; phase[c] = Choosing
     }

  // A release: what plain reads see of the row, and that again in a transaction before null.
  :: d_step {
       phase[c] == Asking && VISIBLE(id[c]) != 0 ->
       item[c] = VISIBLE(id[c]); isSame[c] = (itemOf[id[c]] == item[c]); phase[c] = Releasing
     }
#ifdef PLAIN_READ_FOR_NULL
  :: atomic { phase[c] == Asking && VISIBLE(id[c]) == 0 -> tellNull() }
#endif
  :: d_step { phase[c] == Asking && VISIBLE(id[c]) == 0 -> phase[c] = Confirming }
  :: atomic { phase[c] == Confirming && !IS_LOCKED(id[c]) && itemOf[id[c]] == 0 -> tellNull() }
  :: d_step {
       phase[c] == Confirming && !IS_LOCKED(id[c]) && itemOf[id[c]] != 0 ->
       item[c] = itemOf[id[c]]; isSame[c] = 1; phase[c] = Releasing
     }

  :: atomic {
       phase[c] == Releasing && !applied[c] && CAN_RELEASE(id[c], item[c], isSame[c]) ->
       applied[c] = 1; release(id[c], item[c], isReturn[c]);
#ifdef TWO_WRITES
       phase[c] = (isReturn[c] -> Returning : Releasing);
#endif
       checkTables()
     }
#ifdef TWO_WRITES
  :: atomic { phase[c] == Returning -> enterBank(item[c]); phase[c] = Releasing; checkTables() }
#endif
  :: atomic { phase[c] == Releasing && applied[c] && !IS_LOCKED(id[c]) -> tell(item[c]) }
  // The row has changed: it is read again.
  :: d_step {
       phase[c] == Releasing && !applied[c] && !IS_LOCKED(id[c]) &&
         !CAN_RELEASE(id[c], item[c], isSame[c]) && committing == NO_ID ->
       item[c] = 0; isSame[c] = 0; phase[c] = Asking
     }

  :: atomic { phase[c] != Idle -> giveUp() }
  od
}

#define APPLY_LATE_CLAIM(d, i) \
  :: atomic { \
       IN(lateClaims[d], i) && CAN_CLAIM(d, i) -> \
       lateClaims[d] = WITHOUT(lateClaims[d], i); assign(d, i) \
     }

// Applied once at most: a request that comes again comes under a token that is spent.
#define APPLY_LATE_RELEASE(d, i) \
  :: atomic { \
       IN(lateReleases[d], i) && CAN_RELEASE(d, i, true) -> \
       assert(!IN(outlived[d], i) || ignoreLater); \
       lateReleases[d] = WITHOUT(lateReleases[d], i); \
       release(d, i, IN(lateReturns[d], i)); \
       checkTables() \
     }

active proctype Network() {
  do
  :: d_step { committing != NO_ID -> committing = NO_ID; shown = 0 }
  APPLY_LATE_CLAIM(0, 1) APPLY_LATE_CLAIM(0, 2)
  APPLY_LATE_CLAIM(1, 1) APPLY_LATE_CLAIM(1, 2)
  APPLY_LATE_RELEASE(0, 1) APPLY_LATE_RELEASE(0, 2)
  APPLY_LATE_RELEASE(1, 1) APPLY_LATE_RELEASE(1, 2)
  od
}
