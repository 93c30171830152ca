// Claims that travel together on DynamoDB: claims of one process that wait anyway share one transaction.
// claim.pml has the candidate pool and the single claim, release.pml has the release.
//
// Modelled:
// - a group: the claims of a process that wait when it is sent, for different IDs, each with a
//   candidate of its own; TransactWriteItems: for each member, put the ID if absent and delete the
//   item if there, all or nothing, under one token
// - cancelled: DynamoDB tells some of the reasons, at least one, and each member heeds its own only.
//   The ID has an item: that is the answer. The item is gone: another candidate. No reason: the
//   member is blameless, keeps its candidate, and waits for a later group with a new token
// - no answer: the same group is sent again under its token; or it ends, and every member throws
//   "the outcome is unknown". A group is never split and never put together anew
// - refused for a reason that names nobody, because one claim is poisoned: each member is sent
//   alone, once; the poisoned one fails
// - messages: a request or a response may be lost, or late without limit, also after its callers
//   gave up or crashed, and also after an attempt that was sent later has been cancelled
// - a call may throw, and the process may crash, at any instant; other calls for the same ID follow
// - null: a pass that began after the call, saw no item in flight, and all that it saw turned out to
//   be gone; then the read of the ID
// - other processes: a claim of theirs may take effect at any instant, for the same IDs or for one
//   more; their own answers are in claim.pml
// - releases, which bring the item back
//
// Bounds: 3 items; 2 calls at once and 1 release, or with -DCALLS=3 -DRELEASES=0 three calls and
// none. One group at a time; of the requests that nobody waits for any more, one at a time. No bound
// on calls, crashes, errors, lost or late messages.
//
// Not modelled: time (patience, backoff, the 10 minutes of a token), conflicts and throttling (the
// request is sent again), the first read, rows that become visible one by one, a pass that sees the
// rows one by one, reasons that are on their way for long, several groups at once, and a caller that
// gives up while its group is under way.
//
// Checked at each step that could break it:
//   P1       an answer is the item that the ID has at that moment, or that this call gave to it
//   P2       no item has two IDs, nor an ID and a place in the bank
//   P3       every item is in the bank or has an ID
//   P4       null only if the ID has no item and no item stayed in the bank for the whole call
//   Hang     whoever waits is in the next group or in the one that is under way
//   Twice    a call takes effect at most once
//   Claimed  `claimed` only to the call that made the assignment; so one per assignment at most
//   Written  who is told that nothing was written has written nothing, and never will
//   Poison   a refusal fails only the poisoned claim
// All of it holds: 2,041,530 states with 2 calls, 4,565,838 with 3.
//
// Planted faults, to show that the checks can fail. Each is a switch and has a counterexample:
//   POSITIONS_MIXED_UP       a member reads the reasons of another one                     P1
//   TOLD_IN_PART             a member without a told reason counts as claimed      P1, Claimed
//   BLAMELESS_GONE           the candidate of a blameless member is settled as gone        P4
//   LOST_BETWEEN_GROUPS      a blameless member is in no later group                     Hang
//   REGROUPED                no answer: the members join new groups, with new     Twice, Written
//                            tokens
//   UNKNOWN_READ_AS_REFUSED  no answer: the members are sent alone, or told       Twice, Written
//                            that nothing was written
//   OTHER_CONTENT            no answer: the token is sent again, with more members      Twice
//   POISON_SPREADS           the refusal fails every member                            Poison
// What some of them need:
// - Without a release, REGROUPED, OTHER_CONTENT and UNKNOWN_READ_AS_REFUSED do not break Twice: the
//   condition on the ID alone makes a second attempt harmless. What breaks then is only what a
//   failure says (Written). With a release in between, the call takes effect again.
// - OTHER_CONTENT: DynamoDB refuses a token that has committed with other content, and the members
//   are then sent alone. In a store that looks at the token only (NO_MISMATCH), P1 breaks at once:
//   the member that joined is told that it has claimed.
// - SAME_ID_TWICE, a group that holds one ID twice, breaks nothing: DynamoDB refuses all of it, and
//   each member is sent alone, which costs requests only. Together with POISON_SPREADS it breaks
//   Poison, and no claim has to be poisoned for that (NO_POISON).
// - P2 and P3 are broken by none of them: both conditions and the transaction are always there.
//   claim.pml shows what happens without them.
// A limit, of a single claim as well (CALLS=1): with 2 releases (RELEASES=2), Twice breaks. An attempt
// gets no answer and stays in the network, the next one is cancelled, and the call goes on and claims
// another item. When both its item and the one of the late attempt have been released, the late one
// takes effect. Nothing is lost or given twice: the next claim of the ID returns that item. Without
// such attempts (NO_COPIES), Twice holds.

#ifndef CALLS
#define CALLS 2
#endif
#ifndef RELEASES
#define RELEASES 1
#endif
// A call, or an item, is one bit of a set: calls 0, 1 and 2 are the bits 1, 2 and 4; so are the items.
#define ALL 7
#define BIT(call) (1 << (call))
#define IN(set, i) (((set) & (i)) != 0)
#define WITHOUT(set, i) ((set) & ~(i))

// -DONLY=n leaves all promises but one unchecked. A name in an assertion shows up in spin's message.
#ifdef ONLY
#define IGNORED(n) (ONLY != n)
#else
#define IGNORED(n) 0
#endif
byte ignoreP1 = IGNORED(1), ignoreP2 = IGNORED(2), ignoreP3 = IGNORED(3), ignoreP4 = IGNORED(4);
byte ignoreHang = IGNORED(5), ignoreTwice = IGNORED(6), ignoreClaimed = IGNORED(7);
byte ignoreWritten = IGNORED(8), ignorePoison = IGNORED(9);

// ---- The tables

byte bank = ALL;           // the items that are in the bank
byte itemOf[4];            // the row of each ID; 0: none
byte released;             // how many assignments were ended

// ---- The calls of the process. Call c asks for ID c.

mtype = { Idle, Choosing, Queued, Sent, Alone };
mtype phase[3] = Idle;
byte item[3];          // the candidate, in flight from its choice until it is settled
byte poisoned;             // the calls whose claim DynamoDB refuses as invalid
byte inDoubt;              // the calls that know of an attempt that got no answer

byte members;              // of the group that is under way; 0: none is
byte applied;              // the calls whose transaction was applied: what its token remembers

byte available;            // the pool's candidates
byte proves;               // the calls to which its last pass can prove that the bank is empty

// ---- The attempt in the network that nobody waits for any more: its calls and their items

byte late;
byte lateItem[3];

// ---- What only the checks know

byte stayed[3];        // the items that have been in the bank since the call began
byte got[3];           // the item that the call has given to its ID; 0: none
byte lateLive;             // the calls of the late attempt that are not over
byte lateDone;             // those that have taken effect in another way

// ---- DynamoDB

#ifdef SAME_ID_TWICE
#define ID(call) ((call) == CALLS - 1 -> CALLS - 2 : (call))
#define HAS_TWICE(set) (IN(set, BIT(CALLS - 1)) && IN(set, BIT(CALLS - 2)))
#else
#define ID(call) (call)
#define HAS_TWICE(set) false
#endif
// Refused as a whole, for a reason that names nobody.
#define IS_INVALID(set) (IN(set, poisoned) || HAS_TWICE(set))
// The token has committed with other members.
#ifdef NO_MISMATCH
#define IS_MISMATCH false
#else
#define IS_MISMATCH (IN(members, applied) && (members & applied) != members)
#endif

#define ROW_FAILS(call) (itemOf[ID(call)] != 0)
#define ITEM_FAILS(i) (!IN(bank, i))
#define FITS(set, call, i) (!IN(set, BIT(call)) || !(ROW_FAILS(call) || ITEM_FAILS(i)))
#define CAN_COMMIT(set, items) \
  (!IS_INVALID(set) && FITS(set, 0, items[0]) && FITS(set, 1, items[1]) && FITS(set, 2, items[2]))

#define OWNERS(i) ((itemOf[0] == i) + (itemOf[1] == i) + (itemOf[2] == i) + (itemOf[3] == i))

inline checkItem(i) {
  assert(IN(bank, i) + OWNERS(i) <= 1 || ignoreP2);
  assert(IN(bank, i) || OWNERS(i) > 0 || ignoreP3)
}

inline checkTables() {
  checkItem(1); checkItem(2); checkItem(4);
  // For fewer states: without a release it can never be applied any more.
  if
  :: released == RELEASES && !CAN_COMMIT(late, lateItem) -> forgetLate()
  :: else
  fi
}

inline forgetLate() {
  late = 0; lateLive = 0; lateDone = 0; lateItem[0] = 0; lateItem[1] = 0; lateItem[2] = 0
}

inline assign(d, i) {
  bank = WITHOUT(bank, i);
  stayed[0] = WITHOUT(stayed[0], i);
  stayed[1] = WITHOUT(stayed[1], i);
  stayed[2] = WITHOUT(stayed[2], i);
  itemOf[d] = i
}

// The claim of a call that waits for it takes effect.
inline takeEffect(call) {
  assert(got[call] == 0 || ignoreTwice);
  got[call] = item[call];
  applied = applied | BIT(call);
  lateDone = lateDone | (lateLive & BIT(call));
  assign(ID(call), item[call])
}

inline commitOf(call) {
  if
  :: IN(members, BIT(call)) -> takeEffect(call)
  :: else
  fi
}

inline commitLateOf(call) {
  if
  :: IN(late, BIT(call)) ->
     assert(!IN(lateDone, BIT(call)) || ignoreTwice);
     got[call] = (IN(lateLive, BIT(call)) -> lateItem[call] : got[call]);
     assign(ID(call), lateItem[call])
  :: else
  fi
}

// ---- The end of a call

#define IN_FLIGHT (item[0] | item[1] | item[2])
#define NOTHING_LEFT (available == 0 && IN_FLIGHT == 0)

inline end(call) {
  phase[call] = Idle;
  item[call] = 0; got[call] = 0; stayed[call] = 0;
  proves = WITHOUT(proves, BIT(call));
  applied = WITHOUT(applied, BIT(call));
  poisoned = WITHOUT(poisoned, BIT(call));
  inDoubt = WITHOUT(inDoubt, BIT(call));
  lateLive = WITHOUT(lateLive, BIT(call))
}

inline tellClaimed(call) {
  assert(got[call] == item[call] || itemOf[ID(call)] == item[call] || ignoreP1);
  assert(got[call] == item[call] || ignoreClaimed);
  end(call)
}

inline tellExisting(call, i, kept) {
  assert(itemOf[ID(call)] == (i) || ignoreP1);
  available = available | (kept);
  end(call)
}

inline tellNull(call) {
  assert((itemOf[ID(call)] == 0 && stayed[call] == 0) || ignoreP4);
  end(call)
}

// "The outcome is unknown": whatever comes is true.
inline throwUnknown(call) {
  available = available | item[call];
  end(call)
}

// "Nothing was written", now or later.
inline throwNothing(call) {
  assert((got[call] == 0 && !IN(lateLive, BIT(call))) || ignoreWritten);
  available = available | item[call];
  end(call)
}

// The refusal of its transaction is the end of this call.
inline throwRefusal(call) {
  assert(IN(poisoned, BIT(call)) || ignorePoison);
  throwNothing(call)
}

// An attempt stays in the network, or it is lost. `live`: those of its calls that go on.
#define GOT(call) ((got[call] != 0) << (call))
inline leave(set, live) {
  if
  :: (set) != 0 && !IN(applied, set) && !IS_INVALID(set) ->
     late = set; lateLive = live; lateDone = (live) & (GOT(0) | GOT(1) | GOT(2));
     lateItem[0] = (IN(late, 1) -> item[0] : 0);
     lateItem[1] = (IN(late, 2) -> item[1] : 0);
     lateItem[2] = (IN(late, 4) -> item[2] : 0)
  :: true
  fi
}

// ---- The call c by itself

inline begin() {
  stayed[c] = bank;
  phase[c] = Choosing
}

inline choose(i) {
  available = WITHOUT(available, i);
  item[c] = i;
  phase[c] = Queued
}

// An item in flight that the pass sees is no proof: the attempt may be older than the pass.
#define IS_ON(call) ((phase[call] != Idle) << (call))
inline readBank() {
  available = WITHOUT(bank, IN_FLIGHT);
  proves = (IN(bank, IN_FLIGHT) -> 0 : IS_ON(0) | IS_ON(1) | IS_ON(2))
}

#define IS_ALONE(call) (phase[call] == Alone && !IN(applied, BIT(call)) && !IS_INVALID(BIT(call)))

active [CALLS] proctype Call() {
  byte c = _pid;
  do
  :: d_step { phase[c] == Idle -> begin() }
#ifndef NO_POISON
  :: d_step { phase[c] == Idle && c == 0 -> begin(); poisoned = BIT(c) }
#endif

  // The next candidate, or the proof that there is none and the last look at the ID.
  :: d_step { phase[c] == Choosing && IN(available, 1) -> choose(1) }
  :: d_step { phase[c] == Choosing && IN(available, 2) -> choose(2) }
  :: d_step { phase[c] == Choosing && IN(available, 4) -> choose(4) }
  :: d_step { phase[c] == Choosing && available == 0 -> readBank() }
  :: d_step {
       phase[c] == Choosing && NOTHING_LEFT && IN(proves, BIT(c)) ->
       if
       :: itemOf[ID(c)] != 0 -> tellExisting(c, itemOf[ID(c)], 0)
       :: else -> tellNull(c)
       fi
     }

  // Alone, after a refusal. A lost message is no step: the request is sent again.
  :: d_step {
       IS_ALONE(c) && FITS(ALL, c, item[c]) ->
       takeEffect(c); checkTables()
     }
  :: d_step { phase[c] == Alone && IN(applied, BIT(c)) -> tellClaimed(c) }
  :: d_step {
       IS_ALONE(c) && ROW_FAILS(c) ->
       tellExisting(c, itemOf[ID(c)], bank & item[c])
     }
  :: d_step {
       IS_ALONE(c) && !ROW_FAILS(c) && ITEM_FAILS(item[c]) ->
       item[c] = 0; phase[c] = Choosing
     }
  :: d_step { phase[c] == Alone && IS_INVALID(BIT(c)) -> throwRefusal(c) }
  :: atomic { phase[c] == Alone -> leave(BIT(c), 0); throwUnknown(c); checkTables() }

  // The caller gives up.
  :: d_step {
       (phase[c] == Choosing || phase[c] == Queued) && IN(inDoubt, BIT(c)) -> throwUnknown(c)
     }
  :: d_step {
       (phase[c] == Choosing || phase[c] == Queued) && !IN(inDoubt, BIT(c)) -> throwNothing(c)
     }

  // Nobody will ever send or settle it.
  :: d_step { phase[c] == Sent && !IN(members, BIT(c)) -> assert(ignoreHang) }
  od
}

// ---- The group

inline gatherOf(call) {
  if
  :: phase[call] == Queued -> phase[call] = Sent; members = members | BIT(call)
  :: else
  fi
}

inline gather() {
  gatherOf(0); gatherOf(1); gatherOf(2)
}

inline claimedOf(call) {
  if
  :: IN(members, BIT(call)) -> tellClaimed(call)
  :: else
  fi
}

inline unknownOf(call) {
  if
  :: IN(members, BIT(call)) -> throwUnknown(call)
  :: else
  fi
}

inline nothingOf(call) {
  if
  :: IN(members, BIT(call)) -> throwNothing(call)
  :: else
  fi
}

// Each member once more, with a new token.
inline againOf(call, next) {
  if
  :: IN(members, BIT(call)) -> phase[call] = next; applied = WITHOUT(applied, BIT(call))
  :: else
  fi
}

inline refusedOf(call) {
  if
  :: IN(members, BIT(call)) ->
#ifdef POISON_SPREADS
     throwRefusal(call)
#else
     againOf(call, Alone)
#endif
  :: else
  fi
}

// The reasons that a cancellation tells: the members whose row, and whose item, made it fail.
byte rowTold, goneTold;

inline reasonsOf(call) {
  if
  :: IN(members, BIT(call)) && ROW_FAILS(call) -> rowTold = rowTold | BIT(call)
  :: true
  fi;
  if
  :: IN(members, BIT(call)) && ITEM_FAILS(item[call]) -> goneTold = goneTold | BIT(call)
  :: true
  fi
}

inline firstReasonOf(call) {
  if
  :: rowTold == 0 && goneTold == 0 && IN(members, BIT(call)) ->
     rowTold = ROW_FAILS(call) << call;
     goneTold = ITEM_FAILS(item[call]) << call
  :: else
  fi
}

byte from;                 // the member whose reasons are read

inline lookAt(other) {
  from = (IN(members, BIT(other)) -> (other) : from)
}

inline cancelledOf(call) {
  from = call;
#ifdef POSITIONS_MIXED_UP
  lookAt((call + 2) % 3);
  lookAt((call + 1) % 3);
#endif
  if
  :: !IN(members, BIT(call))
  :: IN(members, BIT(call)) && IN(rowTold, BIT(from)) ->
     tellExisting(call, itemOf[ID(from)], (IN(goneTold, BIT(from)) -> 0 : item[call]))
  :: IN(members, BIT(call)) && !IN(rowTold, BIT(from)) && IN(goneTold, BIT(from)) ->
     item[call] = 0; phase[call] = Choosing
  :: IN(members, BIT(call)) && !IN(rowTold | goneTold, BIT(from)) ->
     // Blameless: it waits for the next group, with its candidate.
#ifdef BLAMELESS_GONE
     item[call] = 0; phase[call] = Choosing
#else
#ifdef TOLD_IN_PART
     tellClaimed(call)
#else
#ifndef LOST_BETWEEN_GROUPS
     phase[call] = Queued
#endif
#endif
#endif
  fi
}

inline crash() {
  end(0); end(1); end(2);
  members = 0; available = 0; proves = 0
}

#define IS_UNDER_WAY (members != 0 && !IN(applied, members))

active proctype Group() {
  do
  :: d_step {
       members == 0 && (phase[0] == Queued || phase[1] == Queued || phase[2] == Queued) -> gather()
     }
  // The transaction. A lost message is no step: the same request is sent again, under its token.
  :: d_step {
       IS_UNDER_WAY && CAN_COMMIT(members, item) ->
       commitOf(0); commitOf(1); commitOf(2); checkTables()
     }
  :: d_step {
       IN(applied, members) && !IS_MISMATCH ->
       claimedOf(0); claimedOf(1); claimedOf(2); members = 0
     }
  :: d_step {
       (IS_UNDER_WAY && IS_INVALID(members)) || IS_MISMATCH ->
       refusedOf(0); refusedOf(1); refusedOf(2); members = 0
     }
  :: atomic {
       IS_UNDER_WAY && !IS_INVALID(members) && !CAN_COMMIT(members, item) ->
       // Some of the reasons, but at least one.
       reasonsOf(0); reasonsOf(1); reasonsOf(2);
       firstReasonOf(0); firstReasonOf(1); firstReasonOf(2);
#ifndef NO_COPIES
       // An earlier attempt that got no answer may still be under way.
       if
       :: inDoubt = inDoubt | members; leave(members, members)
       :: true
       fi;
#endif
       cancelledOf(0); cancelledOf(1); cancelledOf(2);
       members = 0; rowTold = 0; goneTold = 0; from = 0; checkTables()
     }

  // No answer in time.
  :: atomic {
       members != 0 ->
       leave(members, 0);
       unknownOf(0); unknownOf(1); unknownOf(2); members = 0; checkTables()
     }
#ifdef REGROUPED
  :: atomic {
       members != 0 ->
       leave(members, members);
       againOf(0, Queued); againOf(1, Queued); againOf(2, Queued); members = 0; checkTables()
     }
#endif
#ifdef UNKNOWN_READ_AS_REFUSED
  :: atomic {
       members != 0 ->
       leave(members, members);
       againOf(0, Alone); againOf(1, Alone); againOf(2, Alone); members = 0; checkTables()
     }
  :: atomic {
       members != 0 ->
       leave(members, members);
       nothingOf(0); nothingOf(1); nothingOf(2); members = 0; checkTables()
     }
#endif
#ifdef OTHER_CONTENT
  :: d_step { members != 0 -> gather() }
#endif

  // At most one of the requests under way stays in the network.
  :: atomic {
       if
       :: leave(members, 0)
       :: phase[0] == Alone -> leave(1, 0)
       :: phase[1] == Alone -> leave(2, 0)
       :: phase[2] == Alone -> leave(4, 0)
       :: true
       fi;
       crash(); checkTables()
     }
  od
}

#define BY_OTHERS(d, i) \
  :: d_step { itemOf[d] == 0 && IN(bank, i) -> assign(d, i); checkTables() }
#define RELEASE(d) \
  :: d_step { \
       itemOf[d] != 0 && released < RELEASES -> \
       bank = bank | itemOf[d]; itemOf[d] = 0; released++; checkTables() \
     }

active proctype World() {
  do
  BY_OTHERS(0, 1) BY_OTHERS(0, 2) BY_OTHERS(0, 4)
  BY_OTHERS(1, 1) BY_OTHERS(1, 2) BY_OTHERS(1, 4)
  BY_OTHERS(2, 1) BY_OTHERS(2, 2) BY_OTHERS(2, 4)
#if CALLS == 3
  BY_OTHERS(3, 1) BY_OTHERS(3, 2) BY_OTHERS(3, 4)
#endif
  RELEASE(0) RELEASE(1) RELEASE(2) RELEASE(3)
  :: d_step {
       late != 0 && CAN_COMMIT(late, lateItem) ->
       commitLateOf(0); commitLateOf(1); commitLateOf(2); forgetLate(); checkTables()
     }
  od
}
