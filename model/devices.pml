/* Devices: a sender and its outbox, a recipient and its store. Part of delivery.pml. Source: protocol.md §5.5, §5.6. */

/* === a sending device ============================================================================================ */

#define ROW_IS(s, m, r, state) \
    ((m) < MESSAGES && (m) % RECIPIENTS == (r) && outbox[((s) * MESSAGES + (m)) % IDS] == state)
#define HAS(s, r, state) (ROW_IS(s, 0, r, state) || ROW_IS(s, 1, r, state) || ROW_IS(s, 2, r, state))

#ifdef WITHOUT_RELEASE_LAST
#define ANSWERED(s, r) 1
#else
#define ANSWERED(s, r) (!HAS(s, r, FLYING) && !HAS(s, r, REJECTED))
#endif

/* The first row that waits for this mailbox. */
inline find_waiting(s_, r_) {
    id = s_ * MESSAGES;
    do
    :: id < (s_ + 1) * MESSAGES && !(TO(id) == r_ && outbox[id] == WAITING) -> id++
    :: else -> break
    od
}

inline release_rows(s_, r_) {
    at = s_ * MESSAGES;
    do
    :: at < (s_ + 1) * MESSAGES ->
        if
        :: TO(at) == r_ && outbox[at] == HELD -> outbox[at] = WAITING
        :: else
        fi;
        at++
    :: else -> break
    od
}

/* ACCEPTED n: every number up to it is final; a refused one waits for RELEASE, any other row is deleted. */
inline accept(s_) {
    HOLDS(5, num <= sent[s_]);
    do
    :: told[s_] < num && len(flight[s_]) > 0 ->
        flight[s_]?id;
        told[s_]++;
        if
        :: outbox[id] == REJECTED -> outbox[id] = HELD; stop[s_] = stop[s_] | BIT(TO(id))
        :: outbox[id] == FLYING ->
            outbox[id] = GONE;
            HOLDS(1, (kept & BIT(id)) || disk[TO(id)]??[eval(id)])
        :: else
        fi
    :: else -> break
    od
}

inline reject(s_) {
    HOLDS(5, num > told[s_] && num <= sent[s_]);
    if
    :: outbox[id] == FLYING -> outbox[id] = REJECTED; stop[s_] = stop[s_] | BIT(TO(id))
    :: else
    fi
}

proctype Sender(byte me; byte to) {
end:
    do
    :: d_step { /* the next row of a mailbox, inside the window */
            here[me] != 0 && !(stop[me] & BIT(to)) && len(flight[me]) < SEND_WINDOW && HAS(me, to, WAITING) ->
            find_waiting(me, to);
            outbox[id] = FLYING;
            flight[me]!id;
            sent[me]++;
            put(me, SEND, sent[me], id)
        }
    :: d_step { /* when every number sent to it is answered: RELEASE, and the refused rows go first again */
            here[me] != 0 && (stop[me] & BIT(to)) && ANSWERED(me, to) ->
            stop[me] = stop[me] & ~BIT(to);
            release_rows(me, to);
            put(me, RELEASE, to, 0)
        }
    od
}

proctype Answers(byte me) {
end:
    do
    :: d_step {
            down[me]?verb,num,id ->
            if
            :: verb == ACCEPTED -> accept(me)
            :: else -> reject(me)
            fi
        }
    od
}

/* === a receiving device ========================================================================================== */

/* One transaction: message and mid. A mid that was seen is dropped. */
inline store(me_) {
    HOLDS(5, num == got[me_] + 1);
    got[me_] = num;
    if
#ifndef WITHOUT_SEEN
    :: kept & BIT(id)
#endif
    :: else ->
        HOLDS(4, !(kept & BIT(id)));
        at = SENDER_OF(id) * MESSAGES;
        do
        :: at < id -> HOLDS(3, TO(at) != me_ || (kept & BIT(at))); at++
        :: else -> break
        od;
        kept = kept | BIT(id)
    fi
}

#ifdef WITHOUT_SEEN_FIRST
#define READY(me) (got[me] + len(down[DEVICE(me)]))
#else
#define READY(me) got[me]
#endif

proctype Recipient(byte me) {
end:
    do
    :: d_step { down[DEVICE(me)]?verb,num,id -> store(me) }
    :: d_step { /* ACK, cumulative, sooner or later */
            here[DEVICE(me)] != 0 && confirmed[me] < READY(me) ->
            confirmed[me] = READY(me);
            put(DEVICE(me), ACK, confirmed[me], 0)
        }
    :: d_step { here[DEVICE(me)] != 0 && lies > 0 -> lies--; put(DEVICE(me), ACK, LIE, 0) }
    od
}
