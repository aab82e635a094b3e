/* The scope thorough/accounts in Promela, written by hand from spec/ alone: Spin counts its states on its own.

   One transition is one event of the scope, whole (EVT-1). A refused event is a transition that changes nothing
   (EVT-3); an event that the scope does not try is not executable. All grids and units are 1, so all amounts are
   integers. Windows are kept as the time that is left of them; clock, block number, vault and outside are not kept,
   as no guard looks at them (spec/scopes). Accounts can do the same, so of two states that differ only in who is
   who the one with the smaller account first is kept. `c` names the account of an event and `p` the present mark.

   Compiled for a breadth-first search, whose depth is the number of events and one for the setup:
     spin -a accounts.pml && gcc -O2 -DNOCOMP -DBFS -DSAFETY -o pan pan.c && ./pan -m7
   With -DFOUR for Spin it is the scope four, whose accounts begin with a position and only make it smaller.      */

#ifdef FOUR
#define ACCOUNTS 4
#define RETURNED(equity) 0
#else
#define ACCOUNTS 2
#define RETURNED(equity) (equity) / 2
#endif
#define RATE 10        /* the maintenance margin is a tenth of the notional */
#define LEVERAGE 5     /* that of every trade, and the most that the tier allows */
#define THRESHOLD 30   /* of a notional, above which an order is for a chunk */
#define COOLDOWN 2     /* ms */
#define FEE 50         /* a fiftieth of what is filled */

mtype = { unopened, healthy, liquidatable, partially_liquidated, cooldown, backstopped, closed }

typedef Account {      /* with its one pool, the cross pool, and that pool's one position */
  mtype state = unopened;
  short size, cost, order, collateral;
  bit in_liquidation, attempted, failed;
  byte own, own_noted;         /* what is left of the position's own window, and of its end as the block began */
  byte window, window_noted;   /* the same of the account's window, which decides the size of orders (CLD-1) */
}

Account acc[ACCOUNTS];
short p = 20;

#ifdef FOUR
byte j, k;
#endif
short i, closing, released, money, equity, margin, margin_after;  /* these are all 0 between two events */
bit ok, opens, differs;

#define MAGNITUDE(x) ((x) < 0 -> -(x) : (x))
#define UP(x, by) (((x) + (by) - 1) / (by))        /* x / by of a number that is not negative, rounded up */
#define MAINTENANCE(x) UP(MAGNITUDE(x) * p, RATE)  /* MRG-2, MRG-5 */
#define INITIAL(x) UP(MAGNITUDE(x) * p, LEVERAGE)  /* MRG-7 */

inline measure(a) {  /* MRG-1, MRG-3, MRG-6 */
  equity = acc[a].collateral + acc[a].size * p - acc[a].cost;
  margin = MAINTENANCE(acc[a].size);
}

inline end_life(a, how) {  /* LIF-3, CLD-4, LIQ-12 */
  acc[a].state = how; acc[a].cost = 0; acc[a].order = 0; acc[a].own = 0; acc[a].own_noted = 0;
  acc[a].attempted = 0; acc[a].failed = 0
}

inline close(a, lots, price) {  /* MRG-9: of a signed size; a division is rounded towards 0 */
  released = acc[a].cost * lots / acc[a].size;
  acc[a].collateral = acc[a].collateral + lots * (price) - released;
  acc[a].size = acc[a].size - lots;
  acc[a].cost = acc[a].cost - released;
}

inline emit(a) {  /* LIQ-11, PRT-1 to PRT-3, CLD-3, BKS-1 */
  acc[a].attempted = 1;
  if
  :: MAGNITUDE(acc[a].size) * p > THRESHOLD && equity * 3 >= margin * 2 && acc[a].window_noted == 0 ->
       acc[a].order = UP(MAGNITUDE(acc[a].size), 2)
  :: else -> acc[a].order = MAGNITUDE(acc[a].size)
  fi
}

inline assess(a) {
  if
  :: acc[a].size == 0 ->  /* LIQ-8, BKS-7 */
       acc[a].in_liquidation = 0; acc[a].failed = 0;
       if :: acc[a].collateral < 0 -> acc[a].collateral = 0 :: else fi
  :: else ->
       measure(a);
       if  /* LIQ-9 */
       :: acc[a].order > 0 && equity >= margin -> acc[a].order = 0; acc[a].attempted = 0
       :: else
       fi;
       if
       :: acc[a].order > 0
       :: acc[a].order == 0 && equity >= margin ->  /* LIQ-4, LIQ-10 */
            acc[a].in_liquidation = 0; acc[a].failed = 0;
            if
            :: acc[a].state == liquidatable -> acc[a].state = (acc[a].own > 0 -> cooldown : healthy)  /* T3, T4 */
            :: else
            fi
       :: else ->  /* LIQ-3, LIQ-11 */
            acc[a].in_liquidation = 1;
            if :: acc[a].state == healthy || acc[a].state == cooldown -> acc[a].state = liquidatable :: else fi;  /* T1, T2 */
            if
            :: acc[a].state == liquidatable && !acc[a].attempted -> emit(a)
            :: else ->  /* LIQ-13 */
                 if
                 :: equity * 3 < margin * 2 && acc[a].failed ->  /* BKS-1, BKS-2, then BKS-3, BKS-4: T5 */
                      acc[a].collateral = (equity > 0 -> RETURNED(equity) : 0);
                      acc[a].size = 0; acc[a].in_liquidation = 0;
                      end_life(a, backstopped)
                 :: else
                 fi
            fi
       fi
  fi
}

/* ACC-7 to ACC-9: at the mark. After a life there is no other in this scope; a first trade begins one (T0). */
inline trade(a, lots) {
  measure(a);
  margin_after = MAINTENANCE(acc[a].size + (lots));
  opens = acc[a].size * (lots) >= 0;
  if
  :: acc[a].order > 0 -> ok = 0                                                                    /* order_working */
  :: acc[a].order == 0 && opens && (acc[a].in_liquidation || acc[a].state == partially_liquidated) -> ok = 0
  :: acc[a].order == 0 && opens && !acc[a].in_liquidation && acc[a].state != partially_liquidated ->
       ok = equity >= INITIAL(acc[a].size + (lots))     /* the trade is at the mark, so equity is the same after it */
  :: acc[a].order == 0 && !opens && MAGNITUDE(lots) > MAGNITUDE(acc[a].size) -> ok = 0               /* crosses_zero */
  :: else ->                                                       /* conditions 1 to 4 of ACC-9, with equity as it is */
       ok = (acc[a].size + (lots) == 0 && equity >= (equity < 0 -> equity : 0)) || (equity >= margin_after) ||
            (equity < margin && equity >= 0 && equity * margin >= equity * margin_after) || (equity < 0)
  fi;
  if
  :: ok ->
       if
       :: opens && acc[a].size == 0 -> acc[a].state = healthy
       :: else
       fi;
       if
       :: opens -> acc[a].size = acc[a].size + (lots); acc[a].cost = acc[a].cost + (lots) * p
       :: else -> closing = -(lots); close(a, closing, p)
       fi;
       if
       :: acc[a].size == 0 -> end_life(a, closed)  /* T12 */
       :: else
       fi;
       assess(a)
  :: else
  fi
}

/* FIL-1 to FIL-3, CLD-1, CLD-4. */
inline fill(a, lots, price) {
  if
  :: (lots) > acc[a].order  /* overfill */
  :: else ->
       money = UP((lots) * (price), FEE);
       closing = (acc[a].size > 0 -> (lots) : -(lots));
       acc[a].order = acc[a].order - (lots);
       close(a, closing, price);
       equity = acc[a].collateral + acc[a].size * p - acc[a].cost;
       equity = (equity < 0 -> 0 : equity);
       acc[a].collateral = acc[a].collateral - (money > equity -> equity : money);
       if
       :: acc[a].size == 0 -> end_life(a, closed)  /* T7 */
       :: else ->
            acc[a].state = partially_liquidated;  /* T6 */
            acc[a].own = COOLDOWN;
            acc[a].window = COOLDOWN
       fi;
       assess(a)
  fi
}

inline order_done(a) {  /* FIL-6, LIQ-12 */
  acc[a].order = 0;
  acc[a].failed = 1;
  assess(a)
}

inline mark(price) {  /* EVT-5 */
  p = price;
  for (i : 0 .. ACCOUNTS - 1) { if :: acc[i].size != 0 -> assess(i) :: else fi }
}

#define LESS(x, by) ((x) > (by) -> (x) - (by) : 0)

inline block(after) {  /* EVT-9 */
  ok = 1;
  for (i : 0 .. ACCOUNTS - 1) { if :: acc[i].order > 0 -> ok = 0 :: else fi }
  if
  :: ok ->
       for (i : 0 .. ACCOUNTS - 1) {
         acc[i].attempted = 0; acc[i].failed = 0;
         acc[i].own = LESS(acc[i].own, after); acc[i].own_noted = acc[i].own;
         acc[i].window = LESS(acc[i].window, after); acc[i].window_noted = acc[i].window;
         if
         :: acc[i].state == partially_liquidated -> acc[i].state = (acc[i].own > 0 -> cooldown : healthy)  /* T8, T9 */
         :: acc[i].state == cooldown && acc[i].own == 0 -> acc[i].state = healthy                          /* T10 */
         :: acc[i].state == backstopped -> acc[i].state = closed                                          /* T11 */
         :: else
         fi
       }
       for (i : 0 .. ACCOUNTS - 1) { assess(i) }
  :: else  /* order_working */
  fi
}

/* Which of two fields is first decides, unless they are equal and an earlier one differs. */
#define FIRST(a, b, field) if :: acc[a].field != acc[b].field && !differs -> differs = 1; ok = acc[a].field > acc[b].field :: else fi
#define SWAP(a, b, field) i = acc[a].field; acc[a].field = acc[b].field; acc[b].field = i

inline order_two(a, b) {
  differs = 0; ok = 0;
  FIRST(a, b, state); FIRST(a, b, size); FIRST(a, b, cost); FIRST(a, b, order); FIRST(a, b, collateral);
  FIRST(a, b, in_liquidation); FIRST(a, b, attempted); FIRST(a, b, failed); FIRST(a, b, own); FIRST(a, b, own_noted);
  FIRST(a, b, window); FIRST(a, b, window_noted);
  if
  :: ok ->
       SWAP(a, b, state); SWAP(a, b, size); SWAP(a, b, cost); SWAP(a, b, order); SWAP(a, b, collateral);
       SWAP(a, b, in_liquidation); SWAP(a, b, attempted); SWAP(a, b, failed); SWAP(a, b, own); SWAP(a, b, own_noted);
       SWAP(a, b, window); SWAP(a, b, window_noted)
  :: else
  fi
}

inline sort() {
#ifndef EACH  /* with EACH, who is who counts */
#ifdef FOUR
  for (j : 0 .. ACCOUNTS - 2) { for (k : 0 .. ACCOUNTS - 2 - j) { order_two(k, k + 1) } }
  j = 0; k = 0;
#else
  order_two(0, 1);
#endif
#endif
  i = 0; closing = 0; released = 0; money = 0; equity = 0; margin = 0; margin_after = 0; ok = 0; opens = 0; differs = 0
}

/* The events that name an account. A closed or backstopped position has had its one life (max_life). */
#define LIVES(a) (acc[a].state == unopened || acc[a].size != 0)
#define FILLS(a, price) \
  :: d_step { acc[a].order > 0 -> fill(a, acc[a].order, price); sort() } \
  :: d_step { acc[a].order > 0 && acc[a].order != 1 -> fill(a, 1, price); sort() }
#define OF(a) \
  FILLS(a, p) \
  :: d_step { acc[a].order > 0 -> order_done(a); sort() }
#ifdef FOUR
#define MORE(a) \
  :: d_step { LIVES(a) -> trade(a, -1); sort() } \
  FILLS(a, 16)
#else
#define MORE(a) \
  :: d_step { LIVES(a) -> trade(a, 4); sort() } \
  :: d_step { LIVES(a) -> trade(a, -3); sort() }
#endif

active proctype venue() {
#ifdef FOUR
  d_step {
    for (i : 0 .. ACCOUNTS - 1) { acc[i].state = healthy; acc[i].size = 3; acc[i].cost = 60; acc[i].collateral = 20 }
    i = 0
  };
#else
  d_step { acc[0].collateral = 22; acc[1].collateral = 22 };
#endif
  do
  OF(0) MORE(0)
  OF(1) MORE(1)
#ifdef FOUR
  OF(2) MORE(2)
  OF(3) MORE(3)
#else
  :: d_step { mark(26); sort() }
#endif
  :: d_step { mark(14); sort() }
  :: d_step { mark(17); sort() }
  :: d_step { mark(20); sort() }
  :: d_step { block(1); sort() }
  :: d_step { block(2); sort() }
  od
}
