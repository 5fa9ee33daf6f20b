/*
 * lease_call: what lease.lua is asked and what it answers.
 */
#ifndef STORE_LEASE_CALL_H
#define STORE_LEASE_CALL_H

#include "store/goal_terms.h"
#include "store/ledger_keys.h"
#include "store/redis.h"

#define LEASE_KEYS 2
#define LEASE_ARGS 21
#define LEASE_MAX  1000000 /* units asked for at once */

/* To give `back` units of a window (the campaign NULL), or to reserve some for it. */
struct lease_call {
    const struct campaign *campaign;
    struct goal_window window;
    uint32_t wanted; /* 0: only to look */
    uint32_t needed, back;
};

struct lease_question {
    struct slice prefix, id; /* of keys in Redis; the campaign's */
    const struct zone *zone; /* the campaign's */
    const struct traffic_shape *shape;
    int64_t hold_ms, now_us;
    struct lease_call call;
};

/* The script's keys and arguments; they point into the rest. */
struct lease_words {
    struct slice keys[LEASE_KEYS], args[LEASE_ARGS];
    char key_text[LEASE_KEYS][LEDGER_KEY_MAX];
    char window[GOAL_WINDOW_MAX];
    char numbers[6][GOAL_NUMBER_MAX];
    char terms[GOAL_TERMS][GOAL_NUMBER_MAX], plan[GOAL_PLAN_TERMS][GOAL_NUMBER_MAX];
};
void lease_call_write(const struct lease_question *question, struct lease_words *ret);

enum lease_refusal {
    LEASE_NOT_REFUSED,
    LEASE_GOAL_MET,
    LEASE_BUDGET_SPENT,
    LEASE_PACED,
    LEASE_REFUSALS
};

struct lease_answer {
    uint32_t granted; /* 0 exactly where it is refused */
    enum lease_refusal refusal;
    bool lasting; /* it stays so: nothing is reserved that could come back */
};
/* False unless it is one. */
bool lease_answer_read(const struct redis_reply *reply, struct lease_answer *ret);

#endif
