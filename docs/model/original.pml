// The claim of the Python package storagebox 1.0.7, as a control: the same promises, checked in the
// same way as in claim.pml, do not hold for it.
//
// Modelled:
// - take an item out of the bank by a conditional delete; an empty bank gives null at once
// - put it on the ID on condition that the ID has none
// - any error of the put reads as "already assigned": read the ID, give the item back unless the ID
//   has that very item, and answer with what was read
// - as switches: -DCRASHES (the process dies at any instant), -DLOST_RESPONSES (a write is applied,
//   its response lost; the SDK sends it again and its condition fails), -DSTALE_READS (the read of
//   the ID is eventually consistent and may miss its row)
//
// Bounds: 3 IDs, 2 items, 2 processes. No bound on calls, crashes and lost responses.
//
// Checked as in claim.pml, one promise at a time with -DONLY=n. An item that a living call holds is
// not lost yet. Without faults P1, P2 and P3 hold (610 states each). Counterexamples:
//   P3  CRASHES                      a crash between the two writes loses the item
//   P3  LOST_RESPONSES               a delete that is sent again loses it, too
//   P4  without any fault            an ID that has an item gets null once the bank is empty
//   P2  LOST_RESPONSES STALE_READS   the item is assigned and given back: another ID gets it, too

#define IDS 3
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

byte bank = BOTH;
byte itemOf[IDS];          // 0: none

mtype = { Idle, Taking, Holding, Refused };
mtype phase[2] = Idle;
byte id[2];
byte item[2];              // the item that the call took out

// What only the checks know.
byte stayed[2];            // the items that have been in the bank since the call began
byte told[IDS];            // the item that the ID was told; 0: none

#define OWNERS(i) ((itemOf[0] == i) + (itemOf[1] == i) + (itemOf[2] == i))
#define HELD(i) (item[0] == i || item[1] == i)

inline checkItem(i) {
  assert(IN(bank, i) + OWNERS(i) <= 1 || ignoreP2);
  assert(IN(bank, i) || OWNERS(i) > 0 || HELD(i) || ignoreP3)
}

inline checkTables() {
  checkItem(1); checkItem(2)
}

inline begin(d) {
  id[c] = d;
  stayed[c] = bank;
  phase[c] = Taking
}

inline removeFromBank(i) {
  bank = WITHOUT(bank, i);
  stayed[0] = WITHOUT(stayed[0], i);
  stayed[1] = WITHOUT(stayed[1], i)
}

inline take(i) {
  removeFromBank(i);
  item[c] = i;
  phase[c] = Holding
}

inline end() {
  phase[c] = Idle;
  id[c] = 0; item[c] = 0; stayed[c] = 0;
  checkTables()
}

inline tell(i) {
  assert((itemOf[id[c]] == i && (told[id[c]] == 0 || told[id[c]] == i)) || ignoreP1);
  told[id[c]] = i;
  end()
}

inline tellNull() {
  assert((itemOf[id[c]] == 0 && stayed[c] == 0) || ignoreP4);
  end()
}

inline answerExisting(existing) {
  bank = (existing != item[c] -> bank | item[c] : bank);
  if
  :: existing != 0 -> tell(existing)
  :: else -> tellNull()
  fi
}

active [2] proctype Call() {
  byte c = _pid;
  do
  :: d_step { phase[c] == Idle -> begin(0) }
  :: d_step { phase[c] == Idle -> begin(1) }
  :: d_step { phase[c] == Idle -> begin(2) }

  :: d_step { phase[c] == Taking && bank == 0 -> tellNull() }
  :: d_step { phase[c] == Taking && IN(bank, 1) -> take(1) }
  :: d_step { phase[c] == Taking && IN(bank, 2) -> take(2) }
#ifdef LOST_RESPONSES
  // Sent again, the delete finds nothing: "taken by another process", on to the next item.
  :: d_step { phase[c] == Taking && IN(bank, 1) -> removeFromBank(1); checkTables() }
  :: d_step { phase[c] == Taking && IN(bank, 2) -> removeFromBank(2); checkTables() }
#endif

  :: d_step { phase[c] == Holding && itemOf[id[c]] == 0 -> itemOf[id[c]] = item[c]; tell(item[c]) }
  :: d_step { phase[c] == Holding && itemOf[id[c]] != 0 -> phase[c] = Refused }
#ifdef LOST_RESPONSES
  :: d_step {
       phase[c] == Holding && itemOf[id[c]] == 0 ->
       itemOf[id[c]] = item[c]; phase[c] = Refused
     }
#endif

  :: d_step { phase[c] == Refused -> answerExisting(itemOf[id[c]]) }
#ifdef STALE_READS
  :: d_step { phase[c] == Refused -> answerExisting(0) }
#endif

#ifdef CRASHES
  :: d_step { phase[c] != Idle -> end() }
#endif
  od
}
