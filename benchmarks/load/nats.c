/* NATS JetStream by its own library (cnats): asynchronous publishes with an answer for each, a push consumer with an
 * explicit acknowledgement for each delivery. The library calls back from threads of its own; an eventfd wakes ours. */

#include "load.h"

#include <nats/nats.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { KEPT = 4096, HEAD = 16 };

struct end {
    natsConnection *link;
    jsCtx *stream;
    natsSubscription *subscription;
    char subject[64];
    int wakes;
    long answered, heard;
    pthread_mutex_t guard;
    char heads[KEPT][HEAD];             /* beginnings of bodies that came: their times */
    long came, taken;
};

static void check(natsStatus status, const char *what) {
    if (status != NATS_OK)
        die("NATS: %s: %s", what, natsStatus_GetText(status));
}

static void wake(struct end *end) {
    uint64_t one = 1;
    if (write(end->wakes, &one, sizeof one) < 0)
        die("no eventfd");
}

static void on_answer(jsCtx *stream, natsMsg *message, jsPubAck *answer, jsPubAckErr *error, void *it) {
    struct end *end = it;
    (void)stream;
    if (error != NULL || answer == NULL)
        die("not stored: %s", error != NULL ? error->ErrText : "no answer");
    __atomic_add_fetch(&end->answered, 1, __ATOMIC_RELEASE);
    natsMsg_Destroy(message);
    wake(end);
}

static void on_message(natsConnection *link, natsSubscription *subscription, natsMsg *message, void *it) {
    struct end *end = it;
    (void)link, (void)subscription;
    pthread_mutex_lock(&end->guard);
    if (natsMsg_GetDataLength(message) >= HEAD)
        memcpy(end->heads[end->came % KEPT], natsMsg_GetData(message), HEAD);
    end->came++;
    pthread_mutex_unlock(&end->guard);
    check(natsMsg_Ack(message, NULL), "acknowledge");
    natsMsg_Destroy(message);
    wake(end);
}

static struct end *connected(int at) {
    struct end *end = zeroed(sizeof *end);
    char url[64];
    snprintf(url, sizeof url, "nats://127.0.0.1:%s", fact("port"));
    snprintf(end->subject, sizeof end->subject, "mail.%s.%d", TAG, at);
    pthread_mutex_init(&end->guard, NULL);
    end->wakes = eventfd(0, EFD_NONBLOCK);
    check(natsConnection_ConnectTo(&end->link, url), "connect");
    return end;
}

static void *sender(int at, size_t size) {
    struct end *end = connected(at);
    jsOptions options;
    (void)size;
    jsOptions_Init(&options);
    options.PublishAsync.AckHandler = on_answer;
    options.PublishAsync.AckHandlerClosure = end;
    check(natsConnection_JetStream(&end->stream, end->link, &options), "JetStream");
    return end;
}

static void *receiver(int at) {
    struct end *end = connected(at);
    char name[64];
    const char *subjects[] = {end->subject};
    jsStreamConfig stream;
    jsSubOptions how;
    jsErrCode code = 0;
    check(natsConnection_JetStream(&end->stream, end->link, NULL), "JetStream");
    snprintf(name, sizeof name, "%s-%d", TAG, at);
    jsStreamConfig_Init(&stream);
    stream.Name = name;
    stream.Subjects = subjects;
    stream.SubjectsLen = 1;
    stream.Storage = js_FileStorage;
    check(js_AddStream(NULL, end->stream, &stream, NULL, &code), "stream");
    jsSubOptions_Init(&how);
    how.ManualAck = true;
    how.Config.Durable = "bench";
    how.Config.AckPolicy = js_AckExplicit;
    how.Config.DeliverPolicy = js_DeliverAll;
    check(js_Subscribe(&end->subscription, end->stream, end->subject, on_message, end, NULL, &how, &code), "subscribe");
    return end;
}

static int pollable(void *it) {
    return ((struct end *)it)->wakes;
}

static void put(void *it, const char *body, size_t size) {
    struct end *end = it;
    check(js_PublishAsync(end->stream, end->subject, body, (int)size, NULL), "publish");
}

static void flush(void *it) {
    (void)it; /* the library's own thread writes */
}

static void slept(struct end *end) {
    uint64_t count;
    if (read(end->wakes, &count, sizeof count) < 0)
        return; /* nobody woke us */
}

static long confirmed(void *it) {
    struct end *end = it;
    slept(end);
    long now = __atomic_load_n(&end->answered, __ATOMIC_ACQUIRE), count = now - end->heard;
    end->heard = now;
    return count;
}

static long take(void *it, Took took) {
    struct end *end = it;
    slept(end);
    pthread_mutex_lock(&end->guard);
    long count = end->came - end->taken;
    if (count > KEPT)
        die("more came than is kept");
    for (; end->taken < end->came; end->taken++)
        took(end->heads[end->taken % KEPT], HEAD);
    pthread_mutex_unlock(&end->guard);
    return count;
}

const struct client CLIENT = {sender, receiver, pollable, put, flush, confirmed, take};
