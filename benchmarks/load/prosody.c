/* Prosody by libstrophe: XMPP chat messages, stream management (XEP-0198) both ways. The library has it built in but does
 * not say what was acknowledged, so it is switched off there and spoken here: one request for an answer open at a time. */

#include "load.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>
#include <sys/socket.h>

#define SM "urn:xmpp:sm:3"

struct end {
    xmpp_ctx_t *context;
    xmpp_conn_t *link;
    int socket;
    int is_bound, is_counting;
    int is_asked;                       /* a request for an answer is open */
    long put_since, done, answered, taken;
    Took took;
    char head[128];
};

enum { WAIT_MS = 10000, TICK_MS = 50 };

static struct end *connecting;

static int on_socket(xmpp_conn_t *link, void *its) {
    int at_once = 1;
    (void)link;
    connecting->socket = *(int *)its;
    return setsockopt(connecting->socket, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
}

static void on_link(xmpp_conn_t *link, xmpp_conn_event_t event, int error, xmpp_stream_error_t *why, void *it) {
    struct end *end = it;
    (void)link, (void)why;
    if (event != XMPP_CONN_CONNECT)
        die("Prosody ended the connection (%d)", error);
    end->is_bound = 1;
}

static int on_enabled(xmpp_conn_t *link, xmpp_stanza_t *stanza, void *it) {
    struct end *end = it;
    (void)link, (void)stanza;
    end->is_counting = 1;
    end->taken = 0; /* mail of an earlier run came before, and does not count */
    return 1;
}

static int on_answer(xmpp_conn_t *link, xmpp_stanza_t *stanza, void *it) {
    struct end *end = it;
    const char *handled = xmpp_stanza_get_attribute(stanza, "h");
    (void)link;
    end->answered = handled == NULL ? end->answered : atol(handled);
    end->is_asked = 0;
    return 1;
}

static int on_request(xmpp_conn_t *link, xmpp_stanza_t *stanza, void *it) {
    (void)stanza;
    xmpp_send_raw_string(link, "<a xmlns='" SM "' h='%ld'/>", ((struct end *)it)->taken);
    return 1;
}

static int on_message(xmpp_conn_t *link, xmpp_stanza_t *stanza, void *it) {
    struct end *end = it;
    char *body = xmpp_message_get_body(stanza);
    const char *type = xmpp_stanza_get_type(stanza);
    (void)link;
    if (type != NULL && strcmp(type, "error") == 0)
        die("Prosody returned a message");
    end->taken++;
    if (body != NULL && end->took != NULL)
        end->took(body, strlen(body));
    xmpp_free(end->context, body);
    return 1;
}

static void until(struct end *end, const int *flag, const char *what) {
    for (int waited = 0; !*flag; waited += TICK_MS) {
        if (waited > WAIT_MS)
            die("Prosody: no %s", what);
        xmpp_run_once(end->context, TICK_MS);
    }
}

static struct end *connected(const char *name, int at) {
    struct end *end = zeroed(sizeof *end);
    char account[64];
    xmpp_initialize();
    snprintf(account, sizeof account, "%s%d@localhost", name, at);
    end->context = xmpp_ctx_new(NULL, NULL);
    end->link = xmpp_conn_new(end->context);
    end->socket = -1;
    connecting = end;
    xmpp_conn_set_sockopt_callback(end->link, on_socket);
    xmpp_conn_set_flags(end->link, XMPP_CONN_FLAG_DISABLE_TLS | XMPP_CONN_FLAG_DISABLE_SM);
    xmpp_conn_set_jid(end->link, account);
    xmpp_conn_set_pass(end->link, "bench");
    if (xmpp_connect_client(end->link, "127.0.0.1", (unsigned short)atoi(fact("port")), on_link, end) != XMPP_EOK)
        die("cannot connect to Prosody");
    until(end, &end->is_bound, "login");
    xmpp_handler_add(end->link, on_enabled, SM, "enabled", NULL, end);
    xmpp_handler_add(end->link, on_answer, SM, "a", NULL, end);
    xmpp_handler_add(end->link, on_request, SM, "r", NULL, end);
    return end;
}

static struct end *managed(struct end *end) {
    xmpp_send_raw_string(end->link, "<enable xmlns='" SM "'/>");
    until(end, &end->is_counting, "stream management");
    return end;
}

static void *sender(int at, size_t size) {
    struct end *end = connected("alice", at);
    (void)size;
    snprintf(end->head, sizeof end->head, "<message to='bob%d@localhost' type='chat'><body>", at);
    return managed(end);
}

static void *receiver(int at) {
    struct end *end = connected("bob", at);
    xmpp_send_raw_string(end->link, "<presence/>");
    xmpp_handler_add(end->link, on_message, NULL, "message", NULL, end);
    return managed(end);
}

static int pollable(void *it) {
    return ((struct end *)it)->socket;
}

static void put(void *it, const char *body, size_t size) {
    struct end *end = it;
    xmpp_send_raw_string(end->link, "%s%.*s</body></message>", end->head, (int)size, body);
    end->put_since++;
}

static void flush(void *it) {
    struct end *end = it;
    if (end->put_since && !end->is_asked) { /* a request for every message would make the server's work ours */
        xmpp_send_raw_string(end->link, "<r xmlns='" SM "'/>");
        end->put_since = 0;
        end->is_asked = 1;
    }
}

static long confirmed(void *it) {
    struct end *end = it;
    xmpp_run_once(end->context, 0);
    long count = end->answered - end->done;
    end->done = end->answered;
    return count;
}

static long take(void *it, Took took) {
    struct end *end = it;
    long before = end->taken;
    end->took = took;
    xmpp_run_once(end->context, 0);
    return end->taken - before;
}

const struct client CLIENT = {sender, receiver, pollable, put, flush, confirmed, take};
