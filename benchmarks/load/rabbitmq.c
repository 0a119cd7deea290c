/* RabbitMQ by librabbitmq: durable queues, persistent messages, confirms, one acknowledgement for many. */

#include "load.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNEL = 1, FRAME_BYTES = 131072, PREFETCH = 1000, RING = 4096 };

struct end {
    amqp_connection_state_t link;
    char queue[64];
    uint64_t low;                       /* every confirm up to this one came */
    unsigned char apart[RING];          /* those beyond it, by number: confirms may overtake each other */
};

static const struct timeval AT_ONCE = {0, 0};

static void check(struct end *end, const char *what) {
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(end->link);
    if (reply.reply_type != AMQP_RESPONSE_NORMAL)
        die("RabbitMQ: %s: %s", what, amqp_error_string2(reply.library_error));
}

static struct end *connected(int at) {
    struct end *end = zeroed(sizeof *end);
    end->link = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(end->link);
    if (socket == NULL || amqp_socket_open(socket, "127.0.0.1", atoi(fact("port"))))
        die("cannot connect to RabbitMQ");
    amqp_rpc_reply_t reply =
        amqp_login(end->link, "/", 0, FRAME_BYTES, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
    if (reply.reply_type != AMQP_RESPONSE_NORMAL)
        die("RabbitMQ refused the login");
    amqp_channel_open(end->link, CHANNEL);
    check(end, "channel");
    snprintf(end->queue, sizeof end->queue, "%s-%d", TAG, at);
    return end;
}

static void *sender(int at, size_t size) {
    struct end *end = connected(at);
    (void)size;
    amqp_confirm_select(end->link, CHANNEL);
    check(end, "confirms");
    return end;
}

static void *receiver(int at) {
    struct end *end = connected(at);
    amqp_queue_declare(end->link, CHANNEL, amqp_cstring_bytes(end->queue), 0, 1, 0, 0, amqp_empty_table);
    check(end, "queue");
    amqp_basic_qos(end->link, CHANNEL, 0, PREFETCH, 0);
    check(end, "prefetch");
    amqp_basic_consume(end->link, CHANNEL, amqp_cstring_bytes(end->queue), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    check(end, "consume");
    return end;
}

static int pollable(void *it) {
    return amqp_get_sockfd(((struct end *)it)->link);
}

static void put(void *it, const char *body, size_t size) {
    struct end *end = it;
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = 2};
    amqp_bytes_t bytes = {.len = size, .bytes = (void *)body};
    int status = amqp_basic_publish(
        end->link, CHANNEL, amqp_empty_bytes, amqp_cstring_bytes(end->queue), 0, 0, &properties, bytes);
    if (status)
        die("RabbitMQ: publish: %s", amqp_error_string2(status));
}

static void flush(void *it) {
    (void)it; /* the library writes by itself */
}

static void confirm(struct end *end, const amqp_basic_ack_t *ack) {
    if (ack->multiple) {
        while (end->low < ack->delivery_tag)
            end->apart[++end->low % RING] = 0;
    } else {
        end->apart[ack->delivery_tag % RING] = 1;
    }
    while (end->apart[(end->low + 1) % RING])
        end->apart[++end->low % RING] = 0;
}

/* Only the unbroken run counts, which is what ours promises too. */
static long confirmed(void *it) {
    struct end *end = it;
    uint64_t before = end->low;
    amqp_frame_t frame;
    for (;;) {
        int status = amqp_simple_wait_frame_noblock(end->link, &frame, &AT_ONCE);
        if (status == AMQP_STATUS_TIMEOUT)
            break;
        if (status)
            die("RabbitMQ: confirms: %s", amqp_error_string2(status));
        if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
            die("not a confirm");
        confirm(end, frame.payload.method.decoded);
        amqp_maybe_release_buffers(end->link);
    }
    return (long)(end->low - before);
}

static long take(void *it, Took took) {
    struct end *end = it;
    uint64_t tag = 0;
    long count = 0;
    for (;;) {
        amqp_envelope_t envelope;
        amqp_maybe_release_buffers(end->link);
        amqp_rpc_reply_t reply = amqp_consume_message(end->link, &envelope, &AT_ONCE, 0);
        if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION && reply.library_error == AMQP_STATUS_TIMEOUT)
            break;
        if (reply.reply_type != AMQP_RESPONSE_NORMAL)
            die("RabbitMQ: deliveries: %s", amqp_error_string2(reply.library_error));
        took(envelope.message.body.bytes, envelope.message.body.len);
        tag = envelope.delivery_tag;
        amqp_destroy_envelope(&envelope);
        count++;
    }
    if (count && amqp_basic_ack(end->link, CHANNEL, tag, 1))
        die("RabbitMQ: cannot acknowledge");
    return count;
}

const struct client CLIENT = {sender, receiver, pollable, put, flush, confirmed, take};
