/* Delivery between devices through one broker: the rules of docs/protocol.md §5, for spin.
 *
 * Every rule stands behind #ifndef WITHOUT_RULE, every invariant is HOLDS(number, claim). model/README.md says what is
 * abstracted and which code each name stands for; `python -m model.check` runs it, and shows that no rule can go.
 */

/* --- the scenario: how many of each, and how many faults --------------------------------------------------------- */

#ifndef SENDERS
#define SENDERS 1
#endif
#ifndef RECIPIENTS
#define RECIPIENTS 1
#endif
#ifndef MESSAGES
#define MESSAGES 3      /* of each sender; they go round the recipients */
#endif
#ifndef REFUSALS
#define REFUSALS 1      /* by a limit at arrival, or by a full disk */
#endif
#ifndef RECONNECTS
#define RECONNECTS 1    /* links lost or ended for no fault of the broker process */
#endif
#ifndef CRASHES
#define CRASHES 1       /* of the broker */
#endif
#ifndef LIES
#define LIES 0          /* ACKs of numbers that were never sent */
#endif
#ifndef SEND_WINDOW
#define SEND_WINDOW 3   /* unanswered, from one device */
#endif
#ifndef DELIVER_WINDOW
#define DELIVER_WINDOW 2 /* in flight, to one device */
#endif
#ifndef CHECKED
#define CHECKED 0       /* 0: all invariants; n: only this one */
#endif

#define IDS (SENDERS * MESSAGES)
#define DEVICES (SENDERS + RECIPIENTS)
#define LINKS (1 + RECONNECTS + CRASHES + LIES)
#define DEPTH (MESSAGES * SENDERS * (LINKS + REFUSALS))
#ifndef PIPE
#define PIPE (SEND_WINDOW + 4)
#endif
#define DOWN_PIPE (2 * SEND_WINDOW + 2)

#define BIT(n) (1 << (n))
#define SENDER_OF(id) ((id) / MESSAGES)
#define TO(id) (((id) % MESSAGES) % RECIPIENTS)
#define DEVICE(r) (SENDERS + (r))
#define LIE 255

/* The number stays in the text that pan prints, so that a failure names its invariant. */
#define HOLDS(number, claim) assert(CHECKED * (CHECKED - number) != 0 || (claim))

mtype = { SEND, RELEASE, ACK, DELIVER, ACCEPTED, REJECT };
mtype:entry = { PEND, COMMIT, STORED, REFUSED };
mtype:outbox = { WAITING, FLYING, REJECTED, HELD, GONE };
mtype:job = { IDLE, WRITING, WRITTEN, FULL };

/* --- what is durable --------------------------------------------------------------------------------------------- */

mtype:outbox outbox[IDS] = WAITING;         /* the sender's rows; GONE: accepted, the row is deleted */
short kept;                                 /* messages in the recipients' stores: shown, and known again */
chan disk[RECIPIENTS] = [DEPTH] of { byte } /* the broker's rows of a mailbox, oldest first */

/* --- links: what each side believes ------------------------------------------------------------------------------ */

byte last[DEVICES];     /* the newest token a device has made */
byte here[DEVICES];     /* the device's own link session, by token; 0 is none */
byte there[DEVICES];    /* the broker's link session of that device; 0 is none */
byte open[DEVICES];     /* all link sessions the broker holds open for it, one bit each */

chan up[DEVICES] = [PIPE] of { mtype, byte, byte, byte }  /* to the broker: frame, token, number, message */
chan down[DEVICES] = [DOWN_PIPE] of { mtype, byte, byte } /* to the device: frame, number, message */

/* --- a sending device -------------------------------------------------------------------------------------------- */

byte sent[SENDERS];                         /* SENDs of this link session */
byte told[SENDERS];                         /* of them, answered */
byte stop[SENDERS];                         /* mailboxes that a refusal stopped, one bit each */
chan flight[SENDERS] = [SEND_WINDOW + 1] of { byte }

/* --- a receiving device ------------------------------------------------------------------------------------------ */

byte got[RECIPIENTS];                       /* DELIVERs taken into the store in this link session */
byte confirmed[RECIPIENTS];                 /* of them, acknowledged */

/* --- the broker, per sender's link session ----------------------------------------------------------------------- */

byte rx[SENDERS];                           /* numbers taken in */
byte answered[SENDERS];                     /* of them, answered */
short final[SENDERS];                       /* bit n: number answered + 1 + n is stored, taken or refused */
byte hold[SENDERS];                         /* mailboxes on hold, one bit each */

/* --- the broker, per mailbox: one line of entries, in order; rows first, then those not stored ------------------- */

typedef Entry { byte id; byte link; byte number; mtype:entry state }
typedef Mailbox {
    Entry line[DEPTH];
    byte size;
    byte flying;        /* the first so many are in flight: LIVE means all are, and a link is open */
    byte tx;            /* DELIVERs of this link session */
    byte acked;         /* of them, acknowledged */
    byte count          /* against the quota */
}
Mailbox box[RECIPIENTS];

/* --- the broker's one job ---------------------------------------------------------------------------------------- */

mtype:job job = IDLE;
byte job_box;
byte job_taken;                             /* of its mails, acknowledged before it ended: always the oldest */
byte job_deletes;
chan mails = [DEPTH] of { byte }
chan deletes[RECIPIENTS] = [DEPTH] of { byte }  /* acknowledged rows that the next job deletes */

byte refusals = REFUSALS;
byte reconnects = RECONNECTS;
byte crashes = CRASHES;
byte lies = LIES;

hidden mtype verb;
hidden byte num, id, at, tally, spot, sender, mailbox, slot, token;
hidden int cut;
hidden byte unlucky, moved;

/* === the broker ================================================================================================== */

/* A frame of a link session that is over changes nothing, so it may as well be gone. */
#ifdef WITHOUT_TOKEN
#define CURRENT(device, token) (there[device] != 0)
#define DEAD(device) 0
#else
#define CURRENT(device, token) (there[device] == token)
#define DEAD(device) (here[device] != there[device])
#endif

/* A frame to the broker, on the device's link. */
inline put(device, verb_, number_, id_) {
    if
    :: !DEAD(device) -> up[device]!verb_,here[device],number_,id_
    :: else
    fi
}

/* A frame to a device; what goes to a link the device has left is lost. */
inline tell(device, verb_, number_, id_) {
    if
    :: there[device] != 0 && there[device] == here[device] -> down[device]!verb_,number_,id_
    :: else
    fi
}

/* The entry is final for its sender, if that link session still is. */
inline settle(s_, link_, number_) {
    if
    :: number_ > answered[s_] && link_ == there[s_] ->
        final[s_] = final[s_] | BIT(number_ - answered[s_] - 1)
    :: else
    fi
}

/* ACCEPTED n when the first n are final, each by itself. */
inline answer(s_) {
    moved = 0;
    do
#ifdef WITHOUT_WATERMARK
    :: final[s_] != 0 ->
#else
    :: (final[s_] & 1) ->
#endif
        answered[s_]++;
        final[s_] = final[s_] >> 1;
        moved = 1
    :: else -> break
    od;
    if
    :: moved -> tell(s_, ACCEPTED, answered[s_], 0)
    :: else
    fi
}

/* REJECT, then ACCEPTED that covers it; what follows to the mailbox is held. */
inline refuse(s_, link_, number_, id_) {
    if
    :: link_ == there[s_] ->
        hold[s_] = hold[s_] | BIT(TO(id_));
#ifdef WITHOUT_REJECT_FIRST
        settle(s_, link_, number_);
        answer(s_);
        tell(s_, REJECT, number_, id_)
#else
        tell(s_, REJECT, number_, id_);
        settle(s_, link_, number_)
#endif
    :: else
    fi
}

inline deliver_at(r_, slot_) {
    box[r_].flying++;
    box[r_].tx++;
    HOLDS(5, box[r_].flying <= DELIVER_WINDOW);
    tell(DEVICE(r_), DELIVER, box[r_].tx, box[r_].line[slot_].id)
}

#ifdef WITHOUT_WINDOW
#define ROOM(r) 1
#else
#define ROOM(r) (box[r].flying < DELIVER_WINDOW)
#endif

inline clear_slot(r_, slot_) {
    box[r_].line[slot_].id = 0;
    box[r_].line[slot_].link = 0;
    box[r_].line[slot_].number = 0;
    box[r_].line[slot_].state = 0
}

inline copy_slot(r_, from_, to_) {
    box[r_].line[to_].id = box[r_].line[from_].id;
    box[r_].line[to_].link = box[r_].line[from_].link;
    box[r_].line[to_].number = box[r_].line[from_].number;
    box[r_].line[to_].state = box[r_].line[from_].state
}

/* Take one entry out of the line; what is behind it moves up. */
inline leave(r_, slot_) {
    spot = slot_;
    do
    :: spot + 1 < box[r_].size -> copy_slot(r_, spot + 1, spot); spot++
    :: else -> break
    od;
    box[r_].size--;
    clear_slot(r_, box[r_].size)
}

/* Where an arriving entry goes: behind everything. Handed over at once only when all before it is in flight (LIVE). */
inline arrive(r_, s_, link_, number_, id_) {
    slot = box[r_].size;
#ifdef WITHOUT_MODES
    if
    :: there[DEVICE(r_)] != 0 && ROOM(r_) ->
        do
        :: slot > box[r_].flying -> copy_slot(r_, slot - 1, slot); slot--
        :: else -> break
        od
    :: else
    fi;
#endif
    assert(box[r_].size < DEPTH);
    box[r_].line[slot].id = id_;
    box[r_].line[slot].link = link_;
    box[r_].line[slot].number = number_;
    box[r_].line[slot].state = PEND;
    box[r_].size++;
    box[r_].count++;
    if
    :: there[DEVICE(r_)] != 0 && box[r_].flying == slot && ROOM(r_) -> deliver_at(r_, slot)
    :: else
    fi
}

/* Quota count = rows + unstored; a refused entry in flight is neither. */
inline check_count(r_) {
    spot = 0;
    tally = 0;
    do
    :: spot < box[r_].size ->
        if
        :: box[r_].line[spot].state != REFUSED -> tally++
        :: else
        fi;
        spot++
    :: else -> break
    od;
    HOLDS(8, box[r_].count == tally)
}

inline take_send(s_) {
    HOLDS(6, token == there[s_]);
    HOLDS(5, num == rx[s_] + 1 && rx[s_] - answered[s_] < SEND_WINDOW);
    rx[s_] = num;
    mailbox = TO(id);
    if
#ifndef WITHOUT_HOLD
    :: (hold[s_] & BIT(mailbox)) -> refuse(s_, there[s_], num, id)
    :: !(hold[s_] & BIT(mailbox)) && unlucky -> refusals--; refuse(s_, there[s_], num, id)
#else
    :: unlucky -> refusals--; refuse(s_, there[s_], num, id)
#endif
    :: else ->
        arrive(mailbox, s_, there[s_], num, id);
#ifdef WITHOUT_STORED_FIRST
        settle(s_, there[s_], num);
#endif
        check_count(mailbox)
    fi;
    answer(s_)
}

/* ACK n: the oldest in flight leave; those not stored are taken, stored ones lose their row by a later job. */
inline take_ack(r_) {
    HOLDS(6, token == there[DEVICE(r_)]);
    HOLDS(5, num <= box[r_].tx || num == LIE);
    if
#ifndef WITHOUT_ACK_BOUND
    :: num > box[r_].tx -> end_link(DEVICE(r_))
#endif
    :: else ->
        do
        :: box[r_].acked < num && box[r_].size > 0 ->
            id = box[r_].line[0].id;
            HOLDS(2, kept & BIT(id));
            if
            :: box[r_].line[0].state == REFUSED
            :: box[r_].line[0].state == STORED -> deletes[r_]!id; box[r_].count--
            :: else ->
                if
                :: box[r_].line[0].state == COMMIT -> job_taken++
                :: else
                fi;
                settle(SENDER_OF(id), box[r_].line[0].link, box[r_].line[0].number);
                box[r_].count--
            fi;
            leave(r_, 0);
            if
            :: box[r_].flying > 0 -> box[r_].flying--
            :: else
            fi;
            box[r_].acked++
        :: else -> break
        od;
        box[r_].acked = (num == LIE -> box[r_].acked : num);
        check_count(r_);
        answer_all()
    fi
}

inline answer_all() {
    sender = 0;
    do
    :: sender < SENDERS -> answer(sender); sender++
    :: else -> break
    od
}

/* A link session ends: what was in flight and is not final waits again, in order. */
inline end_recipient(r_) {
    open[DEVICE(r_)] = 0;
    there[DEVICE(r_)] = 0;
    at = 0;
    do
    :: at < box[r_].flying && box[r_].line[at].state == REFUSED -> leave(r_, at); box[r_].flying--
    :: at < box[r_].flying && box[r_].line[at].state != REFUSED -> at++
    :: else -> break
    od;
    box[r_].tx = 0;
    box[r_].acked = 0;
#ifdef WITHOUT_REQUEUE
    do
    :: box[r_].flying > 0 && box[r_].line[0].state == PEND ->
        leave(r_, 0);
        box[r_].count--;
        box[r_].flying--
    :: else -> break
    od;
#endif
    box[r_].flying = 0
}

inline end_sender(s_) {
    open[s_] = 0;
    there[s_] = 0;
    rx[s_] = 0;
    answered[s_] = 0;
    final[s_] = 0;
    hold[s_] = 0
}

inline hang_up(device_) {
    do
    :: len(up[device_]) > 0 -> up[device_]?_,_,_,_
    :: else -> break
    od
}

inline end_link(device_) {
#ifndef WITHOUT_TOKEN
    hang_up(device_);
#endif
    if
    :: device_ < SENDERS -> end_sender(device_)
    :: else -> end_recipient(device_ - SENDERS)
    fi
}

/* The broker reads what a device sent. */
proctype Connection(byte device) {
end:
    do
    :: d_step {
            up[device]?verb,token,num,id ->
            unlucky = 0;
            if
            :: !CURRENT(device, token)
            :: CURRENT(device, token) && verb == SEND -> take_send(device)
            :: CURRENT(device, token) && verb == RELEASE -> hold[device] = hold[device] & ~BIT(num)
            :: CURRENT(device, token) && verb == ACK -> take_ack(device - SENDERS)
            fi
        }
    :: d_step { /* the same, and a limit says no */
            refusals > 0 && there[device] != 0 && up[device]?[SEND,_,_,_] ->
            up[device]?verb,token,num,id;
            unlucky = 1;
            if
            :: CURRENT(device, token) -> take_send(device)
            :: else
            fi
        }
    od
}

/* BACKLOG: what waits goes out in order while there is room; rows are read in slices, so it takes its time. */
proctype Refill(byte to) {
end:
    do
    :: d_step {
            there[DEVICE(to)] != 0 && box[to].flying < box[to].size && ROOM(to) ->
            slot = box[to].flying;
            deliver_at(to, slot)
        }
    od
}

/* The transaction itself: deletes, then messages. */
inline commit(r_) {
    do
    :: job_deletes > 0 ->
        deletes[r_]?id;
        disk[r_]??eval(id);
        HOLDS(2, kept & BIT(id));
        job_deletes--
    :: else -> break
    od;
    at = 0;
    do
    :: at < len(mails) ->
        mails?id;
        disk[r_]!id;
        mails!id;
        at++
    :: else -> break
    od
}

inline finish_job() {
    do
    :: len(mails) > 0 -> mails?_
    :: else -> break
    od;
    job = IDLE;
    job_box = 0;
    job_taken = 0;
    job_deletes = 0
}

/* COMMIT → STORED; those taken meanwhile are deleted by the next job. */
inline written(r_) {
    do
    :: job_taken > 0 -> mails?id; deletes[r_]!id; job_taken--
    :: else -> break
    od;
    at = 0;
    do
    :: at < box[r_].size ->
        if
        :: box[r_].line[at].state == COMMIT ->
            settle(SENDER_OF(box[r_].line[at].id), box[r_].line[at].link, box[r_].line[at].number);
            box[r_].line[at].state = STORED;
            box[r_].line[at].link = 0;
            box[r_].line[at].number = 0
        :: else
        fi;
        at++
    :: else -> break
    od;
    finish_job();
    check_count(r_);
    answer_all()
}

/* COMMIT → REFUSED, and with it every later unstored entry of the same link session for this mailbox: it must not
 * overtake what its sender will send again. One already in flight stays there, and its ACK only counts. */
#define ENTRY box[r_].line[at]
#define ORIGIN BIT(SENDER_OF(ENTRY.id) * (LINKS + 1) + ENTRY.link)
#ifdef WITHOUT_CASCADE
#define REFUSED_WITH_IT 0
#else
#define REFUSED_WITH_IT (ENTRY.state == PEND && (cut & ORIGIN))
#endif

inline refuse_all(r_) {
    at = 0;
    cut = 0;
    do
    :: at < box[r_].size && (ENTRY.state == COMMIT || REFUSED_WITH_IT) ->
        cut = cut | ORIGIN;
        refuse(SENDER_OF(ENTRY.id), ENTRY.link, ENTRY.number, ENTRY.id);
#ifndef WITHOUT_COUNT
        box[r_].count--;
#endif
        if
        :: at < box[r_].flying ->
            ENTRY.state = REFUSED;
            ENTRY.link = 0;
            ENTRY.number = 0;
            at++
        :: else -> leave(r_, at)
        fi
    :: at < box[r_].size && !(ENTRY.state == COMMIT || REFUSED_WITH_IT) -> at++
    :: else -> break
    od;
    cut = 0;
    finish_job();
    check_count(r_);
    answer_all()
}

/* One job at a time: everything that is due, and the deletes; then what came of it. */
proctype Store(byte to) {
end:
    do
    :: d_step {
            job == IDLE && (box[to].size > 0 && box[to].line[box[to].size - 1].state == PEND || len(deletes[to]) > 0) ->
            job = WRITING;
            job_box = to;
            job_deletes = len(deletes[to]);
            at = 0;
            do
            :: at < box[to].size ->
                if
                :: box[to].line[at].state == PEND ->
                    box[to].line[at].state = COMMIT;
                    mails!box[to].line[at].id
                :: else
                fi;
                at++
            :: else -> break
            od;
            skip
        }
    :: d_step { job == WRITING && job_box == to -> commit(to); job = WRITTEN }
    :: d_step {
            job == WRITING && job_box == to && refusals > 0 && len(mails) > 0 ->
            refusals--;
            job = FULL
        }
    :: d_step { job == WRITTEN && job_box == to -> written(to); skip }
    :: d_step { job == FULL && job_box == to -> refuse_all(to); skip }
    od
}

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

/* === links, crashes, and the end ================================================================================= */

/* The device is off its link: what it had not read is lost, numbers and holds die, unanswered rows wait again. */
inline depart(device_) {
    do
    :: len(down[device_]) > 0 -> down[device_]?_,_,_
    :: else -> break
    od;
    here[device_] = 0;
    if
    :: device_ < SENDERS ->
        at = device_ * MESSAGES;
        do
        :: at < (device_ + 1) * MESSAGES ->
            if
#ifndef WITHOUT_RESEND
            :: outbox[at] != GONE -> outbox[at] = WAITING
#endif
            :: else
            fi;
            at++
        :: else -> break
        od;
        do
        :: len(flight[device_]) > 0 -> flight[device_]?_
        :: else -> break
        od;
        stop[device_] = 0;
        sent[device_] = 0;
        told[device_] = 0
    :: else ->
        got[device_ - SENDERS] = 0;
        confirmed[device_ - SENDERS] = 0
    fi
}

/* A login ends the device's older link session first. */
inline login(device_) {
    last[device_]++;
#ifndef WITHOUT_SUPERSESSION
    end_link(device_);
#endif
    here[device_] = last[device_];
    there[device_] = last[device_];
    open[device_] = open[device_] | BIT(last[device_]);
    HOLDS(7, open[device_] == BIT(last[device_]))
}

/* A device that leaves its link logs in again at once: the time between is that in which it has yet to notice. */
#define LINKED(me) (here[me] != 0 && here[me] == there[me])

proctype Link(byte me) {
end:
    do
    :: d_step { here[me] == 0 -> login(me) }
    :: d_step { LINKED(me) && reconnects > 0 -> reconnects--; depart(me); login(me) } /* the device loses its link */
    :: d_step { LINKED(me) && reconnects > 0 -> reconnects--; end_link(me) }          /* the broker does */
    :: d_step { here[me] != 0 && !LINKED(me) -> depart(me); login(me) }               /* RESET came, or silence */
    od
}

/* The broker dies: memory and connections go, the disk stays. */
inline crash() {
    sender = 0;
    do
    :: sender < DEVICES ->
        end_link(sender);
        hang_up(sender);
        sender++
    :: else -> break
    od;
    finish_job();
    mailbox = 0;
    do
    :: mailbox < RECIPIENTS -> reload(mailbox); mailbox++
    :: else -> break
    od
}

inline reload(r_) {
    do
    :: len(deletes[r_]) > 0 -> deletes[r_]?_
    :: else -> break
    od;
    do
    :: box[r_].size > 0 -> box[r_].size--; clear_slot(r_, box[r_].size)
    :: else -> break
    od;
    do
    :: box[r_].size < len(disk[r_]) ->
        disk[r_]?id;
        disk[r_]!id;
        box[r_].line[box[r_].size].id = id;
        box[r_].line[box[r_].size].state = STORED;
        box[r_].size++
    :: else -> break
    od;
    box[r_].count = box[r_].size
}

proctype Crashes() {
end:
    do
    :: d_step { crashes > 0 -> crashes--; crash(); skip }
    od
}

/* Where nothing can happen any more, everything is shown, accepted, and nothing is left behind. That every run comes to
 * such an end is a run of its own: no cycle at all. */
proctype End() {
    timeout ->
    d_step {
        id = 0;
        do
        :: id < IDS -> HOLDS(9, outbox[id] == GONE && (kept & BIT(id))); id++
        :: else -> break
        od;
        mailbox = 0;
        do
        :: mailbox < RECIPIENTS ->
            HOLDS(9, box[mailbox].size == 0 && len(disk[mailbox]) == 0 && len(deletes[mailbox]) == 0);
            mailbox++
        :: else -> break
        od;
        skip
    }
}

init {
    byte device;
    byte other;
    atomic {
        for (device : 0 .. DEVICES - 1) {
            run Link(device);
            run Connection(device)
        }
        for (device : 0 .. SENDERS - 1) {
            run Answers(device);
            for (other : 0 .. RECIPIENTS - 1) {
                run Sender(device, other)
            }
        }
        for (device : 0 .. RECIPIENTS - 1) {
            run Recipient(device);
            run Refill(device);
            run Store(device)
        }
        run Crashes();
        run End();
        device = 0;
        other = 0
    }
}
