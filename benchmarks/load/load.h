/* What a load client of one server is, and what the loop around it offers. See load.c. */

#ifndef SEALWIRE_LOAD_H
#define SEALWIRE_LOAD_H

#include <stddef.h>
#include <stdint.h>

/* Told for every body that came. */
typedef void (*Took)(const char *body, size_t size);

/* One server's client: two kinds of ends, each with one connection. Nothing here blocks once it is set up. */
struct client {
    void *(*sender)(int at, size_t size);
    void *(*receiver)(int at);
    int (*pollable)(void *end);                 /* a descriptor that becomes readable when something comes */
    void (*put)(void *sender, const char *body, size_t size);
    void (*flush)(void *end);                   /* write what is queued, as far as that goes */
    long (*confirmed)(void *sender);            /* how many more messages the server has answered for */
    long (*take)(void *receiver, Took took);    /* bodies that came; each is acknowledged */
};
extern const struct client CLIENT;

extern const char *TAG;                         /* names of this run alone */

/* What the server told, by name; with `at` the pair's own. A fact that is missing ends the program. */
const char *fact(const char *name);
const char *fact_of(const char *name, int at);
int is_fact(const char *name);
size_t hex_fact(const char *name, int at, unsigned char *into, size_t room);

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
double now_s(void);
void *zeroed(size_t size);

#endif
