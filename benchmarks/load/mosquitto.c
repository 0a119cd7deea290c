/* Mosquitto by its own library: MQTT 3.1.1, QoS 1 both ways, clean session off. */

#include "load.h"

#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>

struct end {
    struct mosquitto *link;
    char topic[64];
    int is_ready;
    long count;
    Took took;
};

enum { KEEPALIVE_S = 60, WAIT_MS = 10000, TICK_MS = 100, PACKETS = 1000 };

static void check(int status, const char *what) {
    if (status != MOSQ_ERR_SUCCESS)
        die("%s: %s", what, mosquitto_strerror(status));
}

static void on_connect(struct mosquitto *link, void *it, int status) {
    (void)link;
    if (status)
        die("MQTT login refused: %s", mosquitto_connack_string(status));
    ((struct end *)it)->is_ready = 1;
}

static void on_subscribe(struct mosquitto *link, void *it, int number, int count, const int *granted) {
    (void)link, (void)number;
    if (count != 1 || granted[0] != 1)
        die("not subscribed");
    ((struct end *)it)->is_ready = 1;
}

static void on_publish(struct mosquitto *link, void *it, int number) {
    (void)link, (void)number;
    ((struct end *)it)->count++;
}

static void on_message(struct mosquitto *link, void *it, const struct mosquitto_message *message) {
    struct end *end = it;
    (void)link;
    end->count++;
    end->took(message->payload, (size_t)message->payloadlen); /* the library acknowledges when this returns */
}

static void until_ready(struct end *end) {
    for (int waited = 0; !end->is_ready; waited += TICK_MS) {
        if (waited > WAIT_MS)
            die("Mosquitto does not answer");
        check(mosquitto_loop(end->link, TICK_MS, 1), "loop");
    }
    end->is_ready = 0;
}

static struct end *connected(const char *role, int at) {
    struct end *end = zeroed(sizeof *end);
    char name[96];
    mosquitto_lib_init();
    snprintf(name, sizeof name, "%s-%s-%d", role, TAG, at);
    snprintf(end->topic, sizeof end->topic, "%s/%d", TAG, at);
    end->link = mosquitto_new(name, false, end);
    if (end->link == NULL)
        die("no memory");
    mosquitto_max_inflight_messages_set(end->link, 0);
    mosquitto_int_option(end->link, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_connect_callback_set(end->link, on_connect);
    check(mosquitto_connect(end->link, "127.0.0.1", atoi(fact("port")), KEEPALIVE_S), "connect");
    until_ready(end);
    return end;
}

static void *sender(int at, size_t size) {
    struct end *end = connected("send", at);
    (void)size;
    mosquitto_publish_callback_set(end->link, on_publish);
    return end;
}

static void *receiver(int at) {
    struct end *end = connected("receive", at);
    mosquitto_subscribe_callback_set(end->link, on_subscribe);
    mosquitto_message_callback_set(end->link, on_message);
    check(mosquitto_subscribe(end->link, NULL, end->topic, 1), "subscribe");
    until_ready(end);
    return end;
}

static int pollable(void *it) {
    return mosquitto_socket(((struct end *)it)->link);
}

static void put(void *it, const char *body, size_t size) {
    struct end *end = it;
    check(mosquitto_publish(end->link, NULL, end->topic, (int)size, body, 1, false), "publish");
}

static void flush(void *it) {
    struct end *end = it;
    if (mosquitto_want_write(end->link))
        check(mosquitto_loop_write(end->link, PACKETS), "write");
}

static long read_all(struct end *end) {
    end->count = 0;
    check(mosquitto_loop_read(end->link, PACKETS), "read");
    check(mosquitto_loop_misc(end->link), "keepalive");
    return end->count;
}

static long confirmed(void *it) {
    return read_all(it);
}

static long take(void *it, Took took) {
    struct end *end = it;
    end->took = took;
    long count = read_all(end);
    flush(end);
    return count;
}

const struct client CLIENT = {sender, receiver, pollable, put, flush, confirmed, take};
