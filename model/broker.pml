/* The broker: link sessions, mailboxes, jobs. Part of delivery.pml. Source: protocol.md §5.1, §5.2, §5.3. */

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

#if defined(WITHOUT_HOLD)
#define IS_HELD(s, mailbox) 0
#elif defined(WITHOUT_EACH)
#define IS_HELD(s, mailbox) (place == 1 && (hold[s] & BIT(mailbox)))
#else
#define IS_HELD(s, mailbox) (hold[s] & BIT(mailbox))
#endif

inline take_send(s_) {
    HOLDS(6, token == there[s_]);
    HOLDS(5, num == rx[s_] + 1 && rx[s_] - answered[s_] < SEND_WINDOW);
    rx[s_] = num;
    mailbox = TO(id);
    if
    :: IS_HELD(s_, mailbox) -> refuse(s_, there[s_], num, id)
    :: !IS_HELD(s_, mailbox) && unlucky -> refusals--; refuse(s_, there[s_], num, id)
    :: else ->
        arrive(mailbox, s_, there[s_], num, id);
#ifdef WITHOUT_STORED_FIRST
        settle(s_, there[s_], num);
#endif
        check_count(mailbox)
    fi
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

#define SEND_IS_NEXT(device) up[device]?[SEND,_,_,_]

/* What follows in the frame cannot be read, so the numbers after it would have a gap: the link session ends. */
inline break_off(device_) {
    do
    :: SEND_IS_NEXT(device_) -> up[device_]?_,_,_,_
    :: else -> break
    od;
#ifndef WITHOUT_BREAK_OFF
    end_link(device_)
#endif
}

/* The broker reads one frame: the next one, or, of at most so many SENDs, a SEND_MANY. Which SENDs share a frame is decided
 * here: whatever follows one another may, so every way to gather them is there. The one at place `refused` meets a limit
 * that says no; at place `broken` nothing can be read any more. */
proctype Connection(byte device; byte most; byte refused; byte broken) {
end:
    do
    :: d_step {
            len(up[device]) > 0 && len(up[device]) >= refused + broken && (refused == 0 || refusals > 0) &&
            (broken == 0 || lies > 0) ->
            place = 0;
            do
            :: up[device]?verb,token,num,id ->
                place++;
                unlucky = (place == refused);
                if
                :: !CURRENT(device, token)
                :: CURRENT(device, token) && verb == SEND && place == broken -> lies--; break_off(device)
                :: CURRENT(device, token) && verb == SEND && place != broken -> take_send(device)
                :: CURRENT(device, token) && verb == RELEASE -> hold[device] = hold[device] & ~BIT(num)
                :: CURRENT(device, token) && verb == ACK -> take_ack(device - SENDERS)
                fi;
                if
                :: verb == SEND && place < most && SEND_IS_NEXT(device)
                :: else -> break
                fi
            od;
            if
            :: verb == SEND -> answer(device)
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
