// The claim on DynamoDB: src/dynamodb/claim/atomic-claim.ts, candidate-pool.ts, transaction.ts.
//
// Modelled:
// - the first read, which may find the row of the ID, miss it (eventually consistent) or be skipped
// - candidates from strongly consistent scan passes, which see the rows one by one, in any order,
//   never the whole bank at one instant; what a pool knows outlives the call that asked for it
// - TransactWriteItems: put the ID if absent and delete the item if there, both or neither, under
//   a token. While it commits, the item's row is gone and plain reads do not see the ID's row yet;
//   transactions on that ID wait
// - messages: a request or a response may be lost, late without limit, or repeated without limit,
//   also after the caller gave up or crashed
// - a call may throw, and a process may crash, at any instant; other calls for the same ID follow
// - null: a complete pass that began after the call, all that it saw turned out to be gone, then
//   the transactional read of the ID
// - items that enter the bank while calls are under way (seeding.pml shows how)
//
// Bounds: 3 IDs, 2 items, 2 calls at once: in 2 processes, or with -DONE_PROCESS in one process,
// where they share the pool. No bound on calls, crashes, errors, lost, late or repeated messages.
//
// Not modelled: time (patience, backoff, the 10 minutes of a token: see NO_TOKEN), calls that share
// one claim, items that are put back and rows of IDs that are deleted (see release.pml). The first
// read is strongly consistent by now, which allows less than what is modelled here.
//
// Checked at each step that could break it:
//   P1  an ID is told only one item, and that is the one in its row
//   P2  no item has two IDs, nor an ID and a place in the bank
//   P3  every item that entered is in the bank or has an ID
//   P4  null only if the ID has no item and no item stayed in the bank for the whole call
//   and no call waits for other calls of its process when there are none.
// All of it holds: 9,353,857 states in 2 processes, 8,127,767 in one.
//
// Planted faults, to show that the checks can fail. Each is a switch and has a counterexample:
//   NULL_WITHOUT_READ      null as soon as the bank is proven empty                        P4
//   PLAIN_READ_FOR_NULL    a plain consistent read before null, not a transactional one    P4
//   ANY_PASS               a pass that was under way when the call began counts            P4
//   STALE_PASS             eventually consistent scans, which may miss a row               P4
//   IGNORE_IN_FLIGHT       "empty" without waiting for the other calls of the process      P4
//   TWO_WRITES             a delete, then a put, not one transaction                       P3
//   UNCONDITIONAL_PUT      the put lacks its condition                                     P1, P3
//   UNCONDITIONAL_DELETE   the delete lacks its condition                                  P2
//   GUESS_SUCCESS          an unknown outcome reads as success                             P1
// NO_TOKEN leaves out the token, and all still holds: the two conditions alone make a repeated
// claim harmless. Only adding items needs the token (seeding.pml).

#define IDS 3
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
byte ignoreP1 = IGNORED(1), ignoreP2 = IGNORED(2), ignoreP3 = IGNORED(3), ignoreP4 = IGNORED(4);
byte ignoreHang = IGNORED(5);

// ---- The tables

byte bank;                 // the items that are in the bank
byte entered;              // the items that ever entered it; item 1 is the first
byte itemOf[IDS];          // the row of each ID; 0: none
byte committing = NO_ID;   // the ID whose new row plain reads do not see yet

// ---- Requests in the network whose call is over

// For each ID, the items that they would assign, at any time. Those that can never be applied any
// more are left out, for fewer states: the row of an ID stays, and an item does not come back.
byte late[IDS];

// ---- The calls

mtype = { Idle, Reading, Choosing, Waiting, Proven };
mtype phase[2] = Idle;
byte id[2];
byte item[2];              // the candidate that was sent
bit applied[2];            // the transaction was applied: what DynamoDB remembers under its token
bit removed[2];            // TWO_WRITES: the first of the two writes was applied
bit passIsYounger[2];      // the pool's pass began after the call
bit provenEmpty[2];        // such a pass has proven the bank empty

// ---- The candidate pools

#ifdef ONE_PROCESS
#define POOLS 1
#define POOL(call) 0
#else
#define POOLS 2
#define POOL(call) call
#endif
byte available[POOLS];
byte inFlight[POOLS];
bit isComplete[POOLS] = 1; // the pass reached its end
byte rowsRead[POOLS];      // of the pass
byte page[POOLS];          // rows that were seen and are on their way to the pool

// ---- What only the checks know

byte stayed[2];            // the items that have been in the bank since the call began
byte told[IDS];            // the item that the ID was told; 0: none
byte usedIds;              // IDs are all alike, so a new one is always the next one

// ---- DynamoDB

#ifdef UNCONDITIONAL_PUT
#define CAN_PUT(d) true
#else
#define CAN_PUT(d) (itemOf[d] == 0)
#endif
#ifdef UNCONDITIONAL_DELETE
#define DELETABLE BOTH
#else
#define DELETABLE bank
#endif
#define CAN_DELETE(i) IN(DELETABLE, i)
#define CAN_COMMIT(d, i) (committing == NO_ID && CAN_PUT(d) && CAN_DELETE(i))
#define IS_LOCKED(d) (committing == d)
// A request that comes again under the token of an applied one changes nothing.
#ifdef NO_TOKEN
#define IS_SPENT(call) false
#else
#define IS_SPENT(call) applied[call]
#endif

#define OWNERS(i) ((itemOf[0] == i) + (itemOf[1] == i) + (itemOf[2] == i))
// Without a transaction, an item that a living call took out and will assign is not lost yet.
#define HELD(i) ((removed[0] && item[0] == i) || (removed[1] && item[1] == i))

inline checkItem(i) {
  assert(IN(bank, i) + OWNERS(i) <= 1 || ignoreP2);
  assert(!IN(entered, i) || IN(bank, i) || OWNERS(i) > 0 || HELD(i) || ignoreP3)
}

inline checkTables() {
  checkItem(1); checkItem(2)
}

inline forgetMoot(d) {
  late[d] = (CAN_PUT(d) -> late[d] & DELETABLE : 0)
}

inline leaveBank(i) {
  bank = WITHOUT(bank, i);
  stayed[0] = WITHOUT(stayed[0], i);
  stayed[1] = WITHOUT(stayed[1], i)
}

inline assign(d, i) {
  itemOf[d] = i;
  committing = d;
  forgetMoot(0); forgetMoot(1); forgetMoot(2);
  checkTables()
}

inline commit(d, i) {
  leaveBank(i);
  assign(d, i)
}

// ---- The candidate pool of call c

#define MY(x) x[POOL(c)]
#define SHARES_POOL(call) (POOL(call) == POOL(c))
#ifdef IGNORE_IN_FLIGHT
#define NOTHING_LEFT (MY(isComplete) && MY(available) == 0)
#else
#define NOTHING_LEFT (MY(isComplete) && MY(available) == 0 && MY(inFlight) == 0)
#endif
#define MUST_READ_ON (MY(isComplete) && MY(available) == 0 && !passIsYounger[c] && !provenEmpty[c])
#define MUST_WAIT (MY(isComplete) && MY(available) == 0 && passIsYounger[c] && !provenEmpty[c])

inline noteProofFor(call) {
  provenEmpty[call] =
    provenEmpty[call] || (SHARES_POOL(call) && passIsYounger[call] && NOTHING_LEFT)
}

inline noteProof() {
  noteProofFor(0); noteProofFor(1)
}

inline notePassFor(call) {
  passIsYounger[call] = passIsYounger[call] || (SHARES_POOL(call) && phase[call] != Idle)
}

inline beginPass() {
  MY(isComplete) = 0; MY(rowsRead) = 0; MY(page) = 0;
  notePassFor(0); notePassFor(1)
}

inline receivePage() {
  MY(available) = MY(available) | WITHOUT(MY(page), MY(inFlight));
  MY(page) = 0;
  MY(isComplete) = (MY(rowsRead) == BOTH);
  MY(rowsRead) = (MY(isComplete) -> 0 : MY(rowsRead));
  noteProof()
}

inline readRow(i, seen) {
  MY(rowsRead) = MY(rowsRead) | i;
  MY(page) = MY(page) | (seen)
#ifndef ONE_PROCESS
  // The only call of the process waits for the page, so its way back makes no difference.
  ; receivePage()
#endif
}

inline choose(i) {
  MY(available) = WITHOUT(MY(available), i);
  MY(inFlight) = MY(inFlight) | i;
  item[c] = i;
  phase[c] = Waiting
}

inline settle(kept) {
  MY(inFlight) = WITHOUT(MY(inFlight), item[c]);
  MY(available) = MY(available) | (kept);
  noteProof()
}

// ---- The call c

inline begin(d) {
  id[c] = d;
  usedIds = (d == usedIds -> usedIds + 1 : usedIds);
  stayed[c] = bank;
#ifdef ANY_PASS
  passIsYounger[c] = !MY(isComplete);
#endif
  phase[c] = Reading
}

// The call is over. What it sent stays in the network, unless its token is spent.
inline end(call) {
  if
  :: phase[call] == Waiting && !IS_SPENT(call) -> late[id[call]] = late[id[call]] | item[call]
  :: else
  fi;
  forgetMoot(id[call]);
  phase[call] = Idle;
  id[call] = 0; item[call] = 0; applied[call] = 0; removed[call] = 0;
  passIsYounger[call] = 0; provenEmpty[call] = 0; stayed[call] = 0;
  checkTables()
}

inline tell(i) {
  assert((itemOf[id[c]] == i && (told[id[c]] == 0 || told[id[c]] == i)) || ignoreP1);
  told[id[c]] = i;
  end(c)
}

inline tellNull() {
  assert((itemOf[id[c]] == 0 && stayed[c] == 0) || ignoreP4);
  end(c)
}

inline throwError() {
  if
  :: phase[c] == Waiting -> settle(item[c])
  :: else
  fi;
  end(c)
}

inline crash() {
#ifdef ONE_PROCESS
  end(0); end(1);
#else
  end(c);
#endif
  MY(available) = 0; MY(inFlight) = 0; MY(isComplete) = 1; MY(rowsRead) = 0; MY(page) = 0
}

active [2] proctype Call() {
  byte c = _pid;
  do
  :: d_step { phase[c] == Idle -> begin(0) }
  :: d_step { phase[c] == Idle && usedIds >= 1 -> begin(1) }
  :: d_step { phase[c] == Idle && usedIds >= 2 -> begin(2) }

  // The first read.
  :: d_step { phase[c] == Reading && itemOf[id[c]] != 0 -> tell(itemOf[id[c]]) }
  :: d_step { phase[c] == Reading -> phase[c] = Choosing }

  // The next candidate, or the proof that there is none.
  :: d_step { phase[c] == Choosing && IN(MY(available), 1) -> choose(1) }
  :: d_step { phase[c] == Choosing && IN(MY(available), 2) -> choose(2) }
  :: d_step { phase[c] == Choosing && MY(available) == 0 && provenEmpty[c] -> phase[c] = Proven }
  :: d_step { phase[c] == Choosing && MUST_READ_ON -> beginPass() }
  :: d_step { phase[c] == Choosing && !MY(isComplete) -> readRow(1, bank & 1) }
  :: d_step { phase[c] == Choosing && !MY(isComplete) -> readRow(2, bank & 2) }
#ifdef STALE_PASS
  :: d_step { phase[c] == Choosing && !MY(isComplete) -> readRow(1, 0) }
  :: d_step { phase[c] == Choosing && !MY(isComplete) -> readRow(2, 0) }
#endif
#ifdef ONE_PROCESS
  :: d_step { phase[c] == Choosing && !MY(isComplete) -> receivePage() }
#endif
  :: d_step { phase[c] == Choosing && MUST_WAIT -> assert(MY(inFlight) != 0 || ignoreHang) }
  // The jump to another place, which takes two lost races, may come here without any.
  :: d_step {
       phase[c] == Choosing && (!MY(isComplete) || MY(available) != 0) ->
       MY(available) = 0; beginPass()
     }

  // The transaction. A lost request, a lost response and a conflict are no steps: it is sent again.
#ifdef TWO_WRITES
  :: d_step {
       phase[c] == Waiting && !removed[c] && !IS_SPENT(c) && CAN_COMMIT(id[c], item[c]) ->
       removed[c] = 1; leaveBank(item[c])
     }
  :: d_step {
       phase[c] == Waiting && removed[c] && committing == NO_ID && CAN_PUT(id[c]) ->
       removed[c] = 0; applied[c] = 1; assign(id[c], item[c])
     }
#else
  :: d_step {
       phase[c] == Waiting && !IS_SPENT(c) && CAN_COMMIT(id[c], item[c]) ->
       applied[c] = 1; commit(id[c], item[c])
     }
#endif
  // Committed: told by the response, or by the token when the request comes again.
  :: d_step {
       phase[c] == Waiting && applied[c] && !IS_LOCKED(id[c]) ->
       settle(0); tell(item[c])
     }
  // The ID has an item, so the candidate does not matter.
  :: d_step {
       phase[c] == Waiting && !IS_SPENT(c) && !removed[c] && !IS_LOCKED(id[c]) &&
         !CAN_PUT(id[c]) ->
       settle(bank & item[c]); tell(itemOf[id[c]])
     }
  // The item is gone.
  :: d_step {
       phase[c] == Waiting && !IS_SPENT(c) && !removed[c] && !IS_LOCKED(id[c]) &&
         CAN_PUT(id[c]) && !CAN_DELETE(item[c]) ->
       settle(0); item[c] = 0; phase[c] = Choosing
     }
#ifdef GUESS_SUCCESS
  :: d_step { phase[c] == Waiting -> settle(0); tell(item[c]) }
#endif

  // The last look at the ID. An assignment that lands after it is a later one, so the answer is
  // checked at this instant.
#ifdef NULL_WITHOUT_READ
  :: d_step { phase[c] == Proven -> tellNull() }
#else
#ifdef PLAIN_READ_FOR_NULL
  :: d_step { phase[c] == Proven && IS_LOCKED(id[c]) -> tellNull() }
#endif
  :: d_step { phase[c] == Proven && !IS_LOCKED(id[c]) && itemOf[id[c]] != 0 -> tell(itemOf[id[c]]) }
  :: d_step { phase[c] == Proven && !IS_LOCKED(id[c]) && itemOf[id[c]] == 0 -> tellNull() }
#endif

  :: d_step { phase[c] != Idle -> throwError() }
  :: d_step { crash() }
  od
}

#define APPLY_LATE(d, i) :: d_step { IN(late[d], i) && CAN_COMMIT(d, i) -> commit(d, i) }

active proctype World() {
  do
  :: d_step {
       entered != BOTH ->
       bank = bank | (entered + 1);
       entered = entered | (entered + 1)
     }
  :: d_step { committing != NO_ID -> committing = NO_ID }
  APPLY_LATE(0, 1) APPLY_LATE(0, 2)
  APPLY_LATE(1, 1) APPLY_LATE(1, 2)
  APPLY_LATE(2, 1) APPLY_LATE(2, 2)
  od
}
