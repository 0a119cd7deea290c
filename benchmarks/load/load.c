/* One process of load: all senders, or all receivers, of one run. Started by benchmarks.peers, never by hand.
 *
 *     client-NAME send|receive FACTS BOARD TAG PAIRS SIZE RATE
 *
 * It does what benchmarks/rivals/load.py does, with the same windows: connects, prints "in", reads when to count from
 * standard input (two monotonic times), and prints its figures as JSON. A body is its sending time in 16 hexadecimal
 * digits (monotonic ns, the same clock in every process) and padding. FACTS is a file of lines "name value".
 */

#include "load.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* The same as in benchmarks/rivals/load.py, which says why. */
enum { UNANSWERED = 512, UNDELIVERED = 900, BURST = 64, TICK_MS = 1, STAMP = 16, MAX_PAIRS = 64 };

const char *TAG;

static char *facts;
static int64_t *board;
static double begin_s, end_s;
static double *took;
static size_t took_count, took_room;
static long measured;
static int is_paced;

_Noreturn void die(const char *format, ...) {
    va_list more;
    va_start(more, format);
    vfprintf(stderr, format, more);
    va_end(more);
    fputc('\n', stderr);
    exit(1);
}

void *zeroed(size_t size) {
    void *made = calloc(1, size);
    if (made == NULL)
        die("no memory");
    return made;
}

double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- facts ------------------------------------------------------------------------------------------------------- */

static void read_facts(const char *path) {
    FILE *file = fopen(path, "r");
    if (file == NULL || fseek(file, 0, SEEK_END))
        die("cannot read %s", path);
    long size = ftell(file);
    rewind(file);
    facts = zeroed((size_t)size + 2);
    if (fread(facts + 1, 1, (size_t)size, file) != (size_t)size)
        die("cannot read %s", path);
    fclose(file);
    facts[0] = '\n'; /* so that every name has a line end before it */
}

static const char *find(const char *name) {
    char wanted[128];
    snprintf(wanted, sizeof wanted, "\n%s ", name);
    const char *at = strstr(facts, wanted);
    return at == NULL ? NULL : at + strlen(wanted);
}

int is_fact(const char *name) {
    return find(name) != NULL;
}

const char *fact(const char *name) {
    const char *at = find(name);
    if (at == NULL)
        die("%s was not told", name);
    const char *end = strchr(at, '\n');
    size_t size = end == NULL ? strlen(at) : (size_t)(end - at);
    char *value = zeroed(size + 1); /* a few per connection, for as long as it lasts */
    memcpy(value, at, size);
    return value;
}

const char *fact_of(const char *name, int at) {
    char own[64];
    snprintf(own, sizeof own, "%s.%d", name, at);
    return fact(own);
}

size_t hex_fact(const char *name, int at, unsigned char *into, size_t room) {
    const char *text = fact_of(name, at);
    size_t size = strlen(text) / 2;
    if (size > room)
        die("%s is too long", name);
    for (size_t i = 0; i < size; i++) {
        unsigned value;
        if (sscanf(text + 2 * i, "%2x", &value) != 1)
            die("%s is not hexadecimal", name);
        into[i] = (unsigned char)value;
    }
    return size;
}

/* --- figures ----------------------------------------------------------------------------------------------------- */

static void note(double seconds) {
    if (took_count == took_room) {
        took_room = took_room ? 2 * took_room : 1 << 16;
        took = realloc(took, took_room * sizeof *took);
        if (took == NULL)
            die("no memory");
    }
    took[took_count++] = seconds;
}

static double spent_s(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static int ascending(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print_figures(double spent_before) {
    double cpu = spent_s() - spent_before;
    qsort(took, took_count, sizeof *took, ascending);
    printf("{\"count\": %ld, \"samples\": %zu, \"cpu_s\": %.6f", measured, took_count, cpu);
    for (int share = 50; share < 100; share += 49) {
        if (took_count)
            printf(", \"p%d\": %.6f", share, took[took_count * (size_t)share / 100] * 1000);
        else
            printf(", \"p%d\": null", share);
    }
    puts("}");
    fflush(stdout);
}

static void agree(void) {
    char line[128];
    puts("in");
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL || sscanf(line, "%lf %lf", &begin_s, &end_s) != 2)
        die("nobody is counting");
}

static void wait_for(void **ends, int pairs) {
    struct pollfd watched[MAX_PAIRS];
    for (int at = 0; at < pairs; at++)
        watched[at] = (struct pollfd){.fd = CLIENT.pollable(ends[at]), .events = POLLIN};
    poll(watched, (nfds_t)pairs, TICK_MS);
}

/* --- senders ----------------------------------------------------------------------------------------------------- */

struct pair {
    long sent, done;
    double *due;        /* when each unanswered message was due, in a ring */
    long first, last;
};

static struct pair pairs_of[MAX_PAIRS];

static long room_of(int at, int pairs) {
    struct pair *pair = &pairs_of[at];
    /* At a given rate whoever fell behind has to catch up: then the window is as wide as it may be at every server. */
    long unanswered = (is_paced ? UNDELIVERED : UNANSWERED) / pairs - (pair->sent - pair->done);
    long undelivered = UNDELIVERED / pairs - (pair->sent - __atomic_load_n(&board[at], __ATOMIC_RELAXED));
    long room = unanswered < undelivered ? unanswered : undelivered;
    return room < 0 ? 0 : room > BURST ? BURST : room;
}

static void stamp(char *body, double when_s) {
    char digits[STAMP + 1];
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)(when_s * 1e9));
    memcpy(body, digits, STAMP);
}

static long hear(void *sender, int at) {
    struct pair *pair = &pairs_of[at];
    CLIENT.flush(sender);
    long count = CLIENT.confirmed(sender);
    if (count == 0)
        return 0;
    double now = now_s();
    pair->done += count;
    if (begin_s <= now && now < end_s)
        measured += count;
    for (long i = 0; i < count && pair->first < pair->last; i++) {
        double since = pair->due[pair->first++ % UNDELIVERED];
        if (since >= begin_s)
            note(now - since);
    }
    return count;
}

static void flat_out(void **senders, int pairs, size_t size, char *body, double *spent_before) {
    for (double now = now_s(); now < end_s; now = now_s()) {
        if (now < begin_s)
            *spent_before = spent_s();
        stamp(body, now);
        long moved = 0;
        for (int at = 0; at < pairs; at++) {
            long room = room_of(at, pairs);
            for (long i = 0; i < room; i++)
                CLIENT.put(senders[at], body, size);
            pairs_of[at].sent += room;
            moved += room + hear(senders[at], at);
        }
        if (moved == 0)
            wait_for(senders, pairs);
    }
}

/* Each message has its time, and is stamped with it even when it leaves late: waiting is not forgotten. */
static void paced(void **senders, int pairs, size_t size, char *body, double rate, double *spent_before) {
    double start = now_s();
    long number = 0;
    for (double now = start; now < end_s; now = now_s()) {
        if (now < begin_s)
            *spent_before = spent_s();
        long due = (long)((now - start) * rate);
        while (number < due && room_of((int)(number % pairs), pairs) > 0) {
            int at = (int)(number % pairs);
            double when = start + (double)number / rate;
            stamp(body, when);
            CLIENT.put(senders[at], body, size);
            pairs_of[at].sent++;
            pairs_of[at].due[pairs_of[at].last++ % UNDELIVERED] = when;
            number++;
        }
        for (int at = 0; at < pairs; at++)
            hear(senders[at], at);
        wait_for(senders, pairs);
    }
}

static void send_all(int pairs, size_t size, double rate) {
    void *senders[MAX_PAIRS];
    double spent_before = 0;
    char *body = zeroed(size + 1);
    memset(body, '.', size);
    for (int at = 0; at < pairs; at++) {
        senders[at] = CLIENT.sender(at, size);
        pairs_of[at].due = zeroed(UNDELIVERED * sizeof(double));
    }
    agree();
    spent_before = spent_s();
    if (rate > 0)
        paced(senders, pairs, size, body, rate, &spent_before);
    else
        flat_out(senders, pairs, size, body, &spent_before);
    print_figures(spent_before);
}

/* --- receivers --------------------------------------------------------------------------------------------------- */

static void took_one(const char *body, size_t size) {
    if (!is_paced || size < STAMP)
        return;
    char digits[STAMP + 1];
    memcpy(digits, body, STAMP);
    digits[STAMP] = 0;
    double since = (double)strtoull(digits, NULL, 16) / 1e9;
    if (since >= begin_s)
        note(now_s() - since);
}

static void receive_all(int pairs) {
    void *receivers[MAX_PAIRS];
    for (int at = 0; at < pairs; at++)
        receivers[at] = CLIENT.receiver(at);
    agree();
    double spent_before = spent_s();
    for (double now = now_s(); now < end_s; now = now_s()) {
        long moved = 0;
        for (int at = 0; at < pairs; at++) {
            long count = CLIENT.take(receivers[at], took_one);
            __atomic_add_fetch(&board[at], count, __ATOMIC_RELAXED);
            moved += count;
        }
        if (now >= begin_s)
            measured += moved;
        else
            spent_before = spent_s();
        if (moved == 0)
            wait_for(receivers, pairs);
    }
    print_figures(spent_before);
}

int main(int argc, char **argv) {
    if (argc != 8)
        die("usage: %s send|receive FACTS BOARD TAG PAIRS SIZE RATE", argv[0]);
    read_facts(argv[2]);
    int file = open(argv[3], O_RDWR);
    board = mmap(NULL, MAX_PAIRS * sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    int pairs = atoi(argv[5]);
    double rate = atof(argv[7]);
    if (file < 0 || board == MAP_FAILED || pairs < 1 || pairs > MAX_PAIRS)
        die("no board, or a wrong number of pairs");
    TAG = argv[4];
    is_paced = rate > 0;
    if (strcmp(argv[1], "send") == 0)
        send_all(pairs, (size_t)atol(argv[6]), rate);
    else
        receive_all(pairs);
    _exit(0); /* sockets with unread mail would linger; the run is over */
}
