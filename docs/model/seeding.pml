// Putting items in while the sale is on: src/dynamodb/put-if-absent.ts.
//
// Modelled:
// - a chunk goes in as one TransactWriteItems under a token: all of its items or none, each on
//   condition that the bank does not hold it
// - items that are refused because the bank holds them are left out; the rest is sent under a new token
// - with LEDGER each item enters the bank and the ledger by one transaction, on condition that
//   neither holds it, and nothing leaves the ledger; a script may look into the ledger before it
//   sends, and leave out what it finds
// - messages: a request or a response may be lost, late without limit, or repeated without limit,
//   also after the script had its answer, gave up or crashed. DynamoDB remembers the token of a
//   transaction that it applied, not of one that it refused
// - claims take any item out of the bank at any time (claim.pml shows that they do so safely)
//
// Bounds: one chunk of 2 items. No bound on lost, late or repeated messages.
//
// Checked:
//   P2  an item that was handed out is never in the bank again, nor handed out again
//   P3  an item whose addition was acknowledged is in the bank or was handed out
// All of it holds: 16 states.
//
// Planted faults, to show that the checks can fail. Each is a switch and has a counterexample:
//   PLAIN_BATCH   BatchWriteItem: no token, no condition, row by row                       P2
//   NO_TOKEN      the transaction lacks its token                                          P2
//   EARLY_ANSWER  acknowledged before anything is known to be applied                      P3
//
// A limit, with a counterexample as well:
//   SECOND_RUN    two scripts add the same items, and the sale opens only when both are done. Then
//                 a request arrives that was not applied before, so no token stops it, and puts
//                 back what was handed out. An item must not be added a second time while an
//                 earlier request for it may still be under way.
//   SECOND_RUN NOTHING_LATE   holds, 82 states: no request outlives the script that sent it.
//
// With a ledger this limit is gone, wherever the request of the second run was:
//   SECOND_RUN LEDGER            holds, 136 states
//   SECOND_RUN LEDGER OPEN_SALE  holds, 208 states: the sale is on while both scripts run, as when
//                                every server seeds at its start
//   SECOND_RUN LEDGER LOOK_ONLY  P2, planted: the ledger is read, but it is not a condition

// An item is one bit of a set of items, so the items are 1 and 2.
#define BOTH 3
#define IN(set, i) (((set) & (i)) != 0)
#define WITHOUT(set, i) ((set) & ~(i))

#ifdef SECOND_RUN
#define SCRIPTS 2
#ifdef OPEN_SALE
#define IS_SALE_ON true
#else
#define IS_SALE_ON (phase[0] != Sending && phase[1] != Sending)
#endif
#else
#define SCRIPTS 1
#define IS_SALE_ON true
#endif

// Always 0. A name in an assertion shows up in spin's message.
byte ignoreP2, ignoreP3;

byte bank;
byte ledger;                  // stays empty without LEDGER
byte handedOut;

mtype = { Sending, Acknowledged, GivenUp };
mtype phase[SCRIPTS] = Sending;
byte part[SCRIPTS] = BOTH;    // what it sends now: the items that the bank is not known to hold

// A script sends each part under one token, so a part stands for its request and its token as well.
#define REQUEST(items) (1 << (items))
byte sent[SCRIPTS];           // the requests that are in the network, forever
byte applied[SCRIPTS];        // the tokens that DynamoDB remembers

#ifdef NO_TOKEN
#define IS_SPENT(script, items) false
#else
#define IS_SPENT(script, items) IN(applied[script], REQUEST(items))
#endif
#ifdef LOOK_ONLY
#define IS_IN_WAY(items) ((bank & (items)) != 0)
#else
#define IS_IN_WAY(items) (((bank | ledger) & (items)) != 0)
#endif
#define CAN_APPLY(script, items) (!IS_SPENT(script, items) && !IS_IN_WAY(items))

inline put(items) {
  bank = bank | (items);
#ifdef LEDGER
  ledger = ledger | (items);
#endif
  assert((bank & handedOut) == 0 || ignoreP2)
}

inline apply(script, items) {
  applied[script] = applied[script] | REQUEST(items);
  put(items)
}

inline acknowledge(script) {
  assert((bank | handedOut) == BOTH || ignoreP3);
  phase[script] = Acknowledged
}

inline leaveOut(script, known) {
  part[script] = WITHOUT(part[script], known);
  if
  :: part[script] == 0 -> acknowledge(script)
  :: else
  fi
}

active [SCRIPTS] proctype Script() {
  byte script = _pid;
end:
  do
  :: d_step { phase[script] == Sending -> sent[script] = sent[script] | REQUEST(part[script]) }
#ifdef PLAIN_BATCH
  :: d_step {
       phase[script] == Sending && IN(sent[script], REQUEST(BOTH)) ->
       put(BOTH); acknowledge(script)
     }
#else
  // The last delivery before the response: applied now, applied earlier, or refused.
  :: d_step {
       phase[script] == Sending && IN(sent[script], REQUEST(part[script])) &&
         CAN_APPLY(script, part[script]) ->
       apply(script, part[script]); acknowledge(script)
     }
  :: d_step {
       phase[script] == Sending && IS_SPENT(script, part[script]) ->
       acknowledge(script)
     }
  :: d_step {
       phase[script] == Sending && IN(sent[script], REQUEST(part[script])) &&
         !IS_SPENT(script, part[script]) && !CAN_APPLY(script, part[script]) ->
       leaveOut(script, bank | ledger)
     }
  // The read of the ledger. It is eventually consistent and may miss rows, as if it did not happen.
  :: d_step {
       phase[script] == Sending && (part[script] & ledger) != 0 ->
       leaveOut(script, ledger)
     }
#endif
#ifdef EARLY_ANSWER
  :: d_step { phase[script] == Sending -> acknowledge(script) }
#endif
  :: d_step { phase[script] == Sending -> phase[script] = GivenUp }
  od
}

// Any delivery whose response is lost or comes too late.
#ifdef NOTHING_LATE
#define IS_ALIVE(script) (phase[script] == Sending)
#else
#define IS_ALIVE(script) true
#endif
#define DELIVER(script, items) \
  :: d_step { \
       IS_ALIVE(script) && IN(sent[script], REQUEST(items)) && CAN_APPLY(script, items) -> \
       apply(script, items) \
     }
#define DELIVER_ROW(script, item) \
  :: d_step { IN(sent[script], REQUEST(BOTH)) -> put(item) }

active proctype Network() {
end:
  do
#ifdef PLAIN_BATCH
  DELIVER_ROW(0, 1) DELIVER_ROW(0, 2)
#else
  DELIVER(0, 1) DELIVER(0, 2) DELIVER(0, BOTH)
#ifdef SECOND_RUN
  DELIVER(1, 1) DELIVER(1, 2) DELIVER(1, BOTH)
#endif
#endif
  od
}

inline handOut(i) {
  assert(!IN(handedOut, i) || ignoreP2);
  bank = WITHOUT(bank, i);
  handedOut = handedOut | i
}

active proctype Claims() {
end:
  do
  :: d_step { IS_SALE_ON && IN(bank, 1) -> handOut(1) }
  :: d_step { IS_SALE_ON && IN(bank, 2) -> handOut(2) }
  od
}
