/* Our own frames over libzmq and CURVE (protocol.md §3, §5.1). HELLO and all of LOGIN but its signature come ready-made:
 * they are cards and lists signed with RSA. The login itself is proven here, with Ed25519. Also the bare ROUTER's client.
 */

#define _GNU_SOURCE /* memmem */

#include "load.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { SEND = 0x10, ACK = 0x13, ACCEPTED = 0x14, REJECT = 0x15, DELIVER = 0x17, RESET = 0x43 };
enum { SEND_MANY = 0x18, DELIVER_MANY = 0x19, MANY = 64, MANY_BYTES = 65536 };
enum { HASH = 32, NONCE = 32, TOKEN = 8, SEND_HEAD = 49, DELIVER_HEAD = 25, LENGTH = 2, DUE = 4096 };
enum { AT_BODY = 1 + TOKEN, ITEM_HEAD = SEND_HEAD - AT_BODY, ROOM = 98304 };

struct end {
    void *socket;
    int pollable;
    unsigned char token[TOKEN];
    unsigned char mailbox[16];
    unsigned char frame[ROOM];          /* what was put since the last flush: a SEND_MANY, or what a SEND_MANY may be */
    size_t used, items;
    uint64_t seq, done, acked;
    double delay_s;
    double due_at[DUE];                 /* acknowledgements that wait: when, and up to what */
    uint64_t due_seq[DUE];
    unsigned first, last;
};

static void *context;
static int is_bare;

static void put_u64(unsigned char *at, uint64_t value) {
    for (int i = 0; i < 8; i++)
        at[i] = (unsigned char)(value >> (56 - 8 * i));
}

static uint64_t get_u64(const unsigned char *at) {
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | at[i];
    return value;
}

static void say(struct end *end, const void *frame, size_t size) {
    if (zmq_send(end->socket, frame, size, 0) < 0)
        die("cannot send: %s", zmq_strerror(errno));
}

static size_t hear(struct end *end, unsigned char *into) {
    int size = zmq_recv(end->socket, into, ROOM, 0);
    if (size < 0)
        die("no answer: %s", zmq_strerror(errno));
    return (size_t)size;
}

static void option(void *socket, int name, int value) {
    if (zmq_setsockopt(socket, name, &value, sizeof value))
        die("option %d: %s", name, zmq_strerror(errno));
}

static void key(void *socket, int name, const char *z85) {
    if (zmq_setsockopt(socket, name, z85, 40))
        die("libzmq has no CURVE, or a key is wrong");
}

static struct end *connected(const char *role, int at) {
    struct end *end = zeroed(sizeof *end);
    char name[64];
    size_t size = sizeof end->pollable;
    is_bare = is_fact("bare");
    if (context == NULL && (sodium_init() < 0 || (context = zmq_ctx_new()) == NULL))
        die("no libsodium, or no context");
    end->socket = zmq_socket(context, ZMQ_DEALER);
    option(end->socket, ZMQ_LINGER, 0);
    option(end->socket, ZMQ_IMMEDIATE, 1);
    option(end->socket, ZMQ_RECONNECT_IVL, -1);
    option(end->socket, ZMQ_RCVTIMEO, 10000);
    option(end->socket, ZMQ_SNDTIMEO, 10000);
    option(end->socket, ZMQ_SNDHWM, 2000);
    option(end->socket, ZMQ_RCVHWM, 2000);
    key(end->socket, ZMQ_CURVE_SERVERKEY, fact("curve_z85"));
    snprintf(name, sizeof name, "%s.public", role);
    key(end->socket, ZMQ_CURVE_PUBLICKEY, fact_of(name, at));
    snprintf(name, sizeof name, "%s.secret", role);
    key(end->socket, ZMQ_CURVE_SECRETKEY, fact_of(name, at));
    if (zmq_connect(end->socket, fact("endpoint")))
        die("cannot connect: %s", zmq_strerror(errno));
    zmq_getsockopt(end->socket, ZMQ_FD, &end->pollable, &size);
    snprintf(name, sizeof name, "%s.token", role);
    hex_fact(name, at, end->token, TOKEN);
    return end;
}

/* HELLO, CHALLENGE, LOGIN, WELCOME. */
static void login(struct end *end, const char *role, int at) {
    static const char key_of_nonce[] = "\xa5nonce\xc4\x20";
    static unsigned char hello[ROOM], challenge[ROOM], form[ROOM], signed_text[ROOM];
    unsigned char sign_key[crypto_sign_SECRETKEYBYTES];
    char name[64];
    snprintf(name, sizeof name, "%s.hello", role);
    say(end, hello, hex_fact(name, at, hello, ROOM));
    size_t size = hear(end, challenge);
    unsigned char *nonce = memmem(challenge, size, key_of_nonce, sizeof key_of_nonce - 1);
    if (nonce == NULL || nonce + sizeof key_of_nonce - 1 + NONCE > challenge + size)
        die("no CHALLENGE");
    snprintf(name, sizeof name, "%s.before", role); /* the transcript up to the broker's nonce, label and all */
    size_t at_text = hex_fact(name, at, signed_text, ROOM);
    memcpy(signed_text + at_text, nonce + sizeof key_of_nonce - 1, NONCE);
    at_text += NONCE;
    snprintf(name, sizeof name, "%s.between", role); /* from there to the hash of CHALLENGE */
    at_text += hex_fact(name, at, signed_text + at_text, ROOM - at_text - HASH);
    crypto_hash_sha256(signed_text + at_text, challenge, size);
    at_text += HASH;
    snprintf(name, sizeof name, "%s.sign", role);
    hex_fact(name, at, sign_key, sizeof sign_key);
    snprintf(name, sizeof name, "%s.login", role);
    size = hex_fact(name, at, form, ROOM);
    snprintf(name, sizeof name, "%s.signature_at", role);
    crypto_sign_detached(form + atoi(fact_of(name, at)), NULL, signed_text, at_text, sign_key);
    say(end, form, size);
    if (hear(end, challenge) < 1 || challenge[0] != 0x04)
        die("not welcome: verb %02x", challenge[0]);
}

static void *sender(int at, size_t size) {
    struct end *end = connected("alice", at);
    if (size > MANY_BYTES - SEND_HEAD - LENGTH)
        die("a body of %zu bytes is too large", size);
    if (!is_bare)
        login(end, "alice", at);
    memcpy(end->frame + 1, end->token, TOKEN);
    hex_fact("bob.mailbox", at, end->mailbox, sizeof end->mailbox);
    return end;
}

static void *receiver(int at) {
    struct end *end = connected("bob", at);
    if (is_bare) {
        unsigned char mailbox[16], answer[ROOM];
        hex_fact("bob.mailbox", at, mailbox, sizeof mailbox);
        say(end, mailbox, sizeof mailbox);
        hear(end, answer);
    } else {
        login(end, "bob", at);
    }
    end->delay_s = atof(fact("delay"));
    return end;
}

static int pollable(void *it) {
    return ((struct end *)it)->pollable;
}

/* One message alone goes as a SEND, several at once as a SEND_MANY, just as a peer's link sends them. */
static void flush(void *it) {
    struct end *end = it;
    if (end->items == 1) {
        memmove(end->frame + AT_BODY, end->frame + AT_BODY + LENGTH, end->used - LENGTH);
        end->frame[0] = SEND;
        say(end, end->frame, AT_BODY + end->used - LENGTH);
    } else if (end->items > 1) {
        end->frame[0] = SEND_MANY;
        say(end, end->frame, AT_BODY + end->used);
    }
    end->used = end->items = 0;
}

static void put(void *it, const char *body, size_t size) {
    struct end *end = it;
    size_t item = ITEM_HEAD + size;
    if (end->items == MANY || end->used + LENGTH + item > MANY_BYTES)
        flush(end);
    unsigned char *at = end->frame + AT_BODY + end->used;
    at[0] = (unsigned char)(item >> 8);
    at[1] = (unsigned char)item;
    put_u64(at + LENGTH, ++end->seq);
    memset(at + LENGTH + 8, 0, 16);
    memcpy(at + LENGTH + 24, end->mailbox, sizeof end->mailbox);
    memcpy(at + LENGTH + ITEM_HEAD, body, size);
    end->used += LENGTH + item;
    end->items++;
    if (is_bare)
        flush(end); /* that relay looks at each frame */
}

static long confirmed(void *it) {
    struct end *end = it;
    static unsigned char frame[ROOM];
    uint64_t before = end->done;
    while (zmq_recv(end->socket, frame, ROOM, ZMQ_DONTWAIT) > 0) {
        if (frame[0] == ACCEPTED)
            end->done = get_u64(frame + 1);
        else if (frame[0] == REJECT || frame[0] == RESET)
            die("the broker refused: verb %02x", frame[0]);
    }
    return (long)(end->done - before);
}

static void acknowledge(struct end *end, uint64_t ready) {
    unsigned char frame[17] = {ACK};
    if (ready <= end->acked)
        return;
    end->acked = ready;
    memcpy(frame + 1, end->token, TOKEN);
    put_u64(frame + 9, ready);
    say(end, frame, sizeof frame);
}

/* Late by the delay that was asked for: what is due by now. */
static uint64_t due(struct end *end) {
    uint64_t ready = end->acked;
    double now = now_s();
    if (end->last == end->first || end->due_seq[(end->last - 1) % DUE] != end->seq) {
        end->due_at[end->last % DUE] = now + end->delay_s;
        end->due_seq[end->last++ % DUE] = end->seq;
    }
    while (end->first != end->last && end->due_at[end->first % DUE] <= now)
        ready = end->due_seq[end->first++ % DUE];
    return ready;
}

/* The DELIVERs of a DELIVER_MANY: how many. */
static long take_many(struct end *end, const unsigned char *frame, size_t size, Took took) {
    long count = 0;
    for (size_t at = 1; at + LENGTH + DELIVER_HEAD - 1 <= size; count++) {
        size_t length = (size_t)frame[at] << 8 | frame[at + 1];
        at += LENGTH;
        end->seq = get_u64(frame + at);
        took((const char *)frame + at + DELIVER_HEAD - 1, length - (DELIVER_HEAD - 1));
        at += length;
    }
    return count;
}

static long take(void *it, Took took) {
    struct end *end = it;
    static unsigned char frame[ROOM];
    long count = 0;
    for (int size; (size = zmq_recv(end->socket, frame, ROOM, ZMQ_DONTWAIT)) > 0;) {
        if (frame[0] == DELIVER) {
            end->seq = get_u64(frame + 1);
            took((char *)frame + DELIVER_HEAD, (size_t)size - DELIVER_HEAD);
            count++;
        } else if (frame[0] == DELIVER_MANY) {
            count += take_many(end, frame, (size_t)size, took);
        } else if (frame[0] == RESET) {
            die("the broker ended the link, reason %d", frame[1]);
        }
    }
    acknowledge(end, end->delay_s > 0 ? due(end) : end->seq);
    return count;
}

const struct client CLIENT = {sender, receiver, pollable, put, flush, confirmed, take};
