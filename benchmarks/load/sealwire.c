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
enum { HASH = 32, NONCE = 32, TOKEN = 8, SEND_HEAD = 49, DELIVER_HEAD = 25, ROOM = 32768, DUE = 4096 };

struct end {
    void *socket;
    int pollable;
    unsigned char token[TOKEN];
    unsigned char frame[ROOM];          /* the head of a SEND, then the body */
    uint64_t seq, done, acked;
    double delay_s;
    double due_at[DUE];                 /* acknowledgements that wait: when, and up to what */
    uint64_t due_seq[DUE];
    unsigned first, last;
};

static void *context;

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
    if (size > ROOM - SEND_HEAD)
        die("a body of %zu bytes is too large", size);
    if (!is_fact("bare"))
        login(end, "alice", at);
    end->frame[0] = SEND;
    memcpy(end->frame + 1, end->token, TOKEN);
    hex_fact("bob.mailbox", at, end->frame + 33, 16);
    return end;
}

static void *receiver(int at) {
    struct end *end = connected("bob", at);
    if (is_fact("bare")) {
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

static void put(void *it, const char *body, size_t size) {
    struct end *end = it;
    put_u64(end->frame + 9, ++end->seq);
    memcpy(end->frame + SEND_HEAD, body, size);
    say(end, end->frame, SEND_HEAD + size);
}

static void flush(void *it) {
    (void)it; /* libzmq writes by itself */
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

static long take(void *it, Took took) {
    struct end *end = it;
    static unsigned char frame[ROOM];
    long count = 0;
    for (int size; (size = zmq_recv(end->socket, frame, ROOM, ZMQ_DONTWAIT)) > 0;) {
        if (frame[0] == DELIVER) {
            end->seq = get_u64(frame + 1);
            took((char *)frame + DELIVER_HEAD, (size_t)size - DELIVER_HEAD);
            count++;
        } else if (frame[0] == RESET) {
            die("the broker ended the link, reason %d", frame[1]);
        }
    }
    acknowledge(end, end->delay_s > 0 ? due(end) : end->seq);
    return count;
}

const struct client CLIENT = {sender, receiver, pollable, put, flush, confirmed, take};
