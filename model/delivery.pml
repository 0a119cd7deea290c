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
#define LIES 0          /* ACKs of numbers that were never sent, and frames that break off */
#endif
#ifndef TOGETHER
#define TOGETHER 1      /* messages in one frame, at most */
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
hidden byte unlucky, moved, place;

#include "broker.pml"
#include "devices.pml"

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
            run Connection(device, 1, 0, 0)
        }
        for (device : 0 .. SENDERS - 1) {
            run Answers(device);
            run Connection(device, 1, 1, 0);
#if TOGETHER > 1
            run Connection(device, TOGETHER, 0, 0);
            run Connection(device, TOGETHER, 1, 0);
            run Connection(device, TOGETHER, 2, 0);
            run Connection(device, TOGETHER, 0, 2);
#endif
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
