#include "store/flight_board.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/shared.h"

#define MIX  UINT64_C(0x9e3779b97f4a7c15)
#define LEFT UINT32_C(0x80000000) /* in `held`: nobody is about to spool the record */

/* What is said of a part comes first, so that looking through all touches few pages. */
struct part {
    _Atomic int32_t owner;              /* 0: nobody */
    _Atomic uint32_t used;              /* no place from here on is in use */
    _Atomic uint64_t keys[FLIGHTS_MAX]; /* 0: the place is free */
    _Atomic uint64_t told[FLIGHTS_MAX]; /* upper half: of the key; lower half: events told */
    _Atomic uint32_t held[FLIGHTS_MAX]; /* where its record is, from 1 on; 0: the spool has it */
    _Atomic uint32_t bytes[FLIGHT_RECORDS]; /* of each record */
};

struct record {
    char bytes[FLIGHT_RECORD_MAX];
};

struct flight_board {
    struct part parts[FLIGHT_PARTS];
    struct record records[FLIGHT_PARTS][FLIGHT_RECORDS];
};

struct flights {
    struct flight_board *board;
    int32_t owner;
    int own;                            /* part; -1: none was free */
    int taken;                          /* over; -1: none */
    unsigned free_places, free_records; /* as far as this process knows */
    uint16_t places[FLIGHTS_MAX];
    uint16_t records[FLIGHT_RECORDS];
};

const struct flight flight_none = {.key = 0, .place = -1};

struct flight_board *flight_board_new(void)
{
    struct flight_board *board = shared_new(sizeof *board);
    (void)madvise(board, sizeof *board, MADV_DONTDUMP);
    return board;
}

void flight_board_free(struct flight_board *board)
{
    shared_free(board, sizeof *board);
}

void flight_board_release(struct flight_board *board, pid_t owner)
{
    for (unsigned i = 0; i < FLIGHT_PARTS; i++) {
        int32_t expected = (int32_t)owner;
        (void)atomic_compare_exchange_strong(&board->parts[i].owner, &expected, 0);
    }
}

/* ---- Parts ----------------------------------------------------------------------------------- */

/* What is in a part. */
enum content { NOTHING, WITHOUT_RECORDS, WITH_RECORDS };

static enum content content_of(const struct part *part)
{
    enum content content = NOTHING;
    unsigned used = atomic_load(&part->used);
    for (unsigned i = 0; i < used; i++) {
        if (atomic_load(&part->keys[i]) == 0)
            continue;
        if (atomic_load(&part->held[i]) > 0)
            return WITH_RECORDS;
        content = WITHOUT_RECORDS;
    }
    return content;
}

/* Between the look and the taking another process may have had it, and put something there. */
static bool try_part(const struct flights *flights, struct part *part, enum content content)
{
    int32_t nobody = 0;
    if (atomic_load(&part->owner) != 0 || content_of(part) != content ||
        !atomic_compare_exchange_strong(&part->owner, &nobody, flights->owner))
        return false;
    if (content_of(part) <= content)
        return true;
    atomic_store(&part->owner, 0);
    return false;
}

/* The first that nobody has; -1: none. */
static int take_part(const struct flights *flights, enum content content)
{
    for (int i = 0; i < FLIGHT_PARTS; i++) {
        if (try_part(flights, &flights->board->parts[i], content))
            return i;
    }
    return -1;
}

static unsigned record_of(uint32_t held)
{
    return (held & ~LEFT) - 1;
}

/* Places that another process has ended meanwhile are free, too. The lowest is used first. */
static void find_free(struct flights *flights)
{
    struct part *part = &flights->board->parts[flights->own];
    bool taken[FLIGHT_RECORDS] = {false};
    flights->free_places = flights->free_records = 0;
    for (unsigned i = FLIGHTS_MAX; i > 0; i--) {
        uint32_t held = atomic_load(&part->held[i - 1]);
        if (atomic_load(&part->keys[i - 1]) == 0)
            flights->places[flights->free_places++] = (uint16_t)(i - 1);
        else if (held > 0)
            taken[record_of(held)] = true;
    }
    for (unsigned i = FLIGHT_RECORDS; i > 0; i--) {
        if (!taken[i - 1])
            flights->records[flights->free_records++] = (uint16_t)(i - 1);
    }
}

struct flights *flights_new(struct flight_board *board, pid_t owner)
{
    struct flights *flights = check_calloc(1, sizeof *flights);
    flights->board = board;
    flights->owner = (int32_t)owner;
    flights->taken = -1;
    flights->own = take_part(flights, NOTHING);
    if (flights->own < 0)
        flights->own = take_part(flights, WITHOUT_RECORDS);
    if (flights->own >= 0)
        find_free(flights);
    return flights;
}

void flights_free(struct flights *flights)
{
    if (!flights)
        return;
    flights_give_back(flights);
    if (flights->own >= 0)
        atomic_store(&flights->board->parts[flights->own].owner, 0);
    free(flights);
}

/* ---- Flights --------------------------------------------------------------------------------- */

/* An epoch is random, so two batches have the same key once in 2^64. */
static uint64_t key_of(const struct ledger_identity *identity, struct slice campaign)
{
    uint64_t key;
    memcpy(&key, identity->epoch, sizeof key);
    for (size_t i = 0; i < campaign.len; i++)
        key = (key ^ (uint8_t)campaign.ptr[i]) * MIX;
    key = (key ^ identity->number) * MIX;
    key ^= key >> 32;
    return key ? key : 1;
}

static struct part *part_of(const struct flights *flights, struct flight flight)
{
    return &flights->board->parts[flight.place / FLIGHTS_MAX];
}

static unsigned place_in_part(struct flight flight)
{
    return (unsigned)flight.place % FLIGHTS_MAX;
}

static bool is_open(const struct flights *flights, struct flight flight)
{
    return flight.place >= 0 &&
           atomic_load(&part_of(flights, flight)->keys[place_in_part(flight)]) == flight.key;
}

static int find_in_part(const struct flights *flights, int number, uint64_t key)
{
    const struct part *part = &flights->board->parts[number];
    unsigned used = atomic_load(&part->used);
    for (unsigned i = 0; i < used; i++) {
        if (atomic_load_explicit(&part->keys[i], memory_order_relaxed) == key)
            return number * FLIGHTS_MAX + (int)i;
    }
    return -1;
}

/* Most are this process's own. */
static int find_key(const struct flights *flights, uint64_t key)
{
    int place = flights->own >= 0 ? find_in_part(flights, flights->own, key) : -1;
    for (int i = 0; i < FLIGHT_PARTS && place < 0; i++)
        place = find_in_part(flights, i, key);
    return place;
}

struct flight flights_find(const struct flights *flights, const struct ledger_identity *identity,
                           struct slice campaign)
{
    uint64_t key = key_of(identity, campaign);
    return (struct flight){key, flights ? find_key(flights, key) : -1};
}

bool flights_has_room(struct flights *flights)
{
    if (!flights || flights->own < 0)
        return true;
    if (flights->free_places <= FLIGHTS_REPLAYED)
        find_free(flights);
    return flights->free_places > FLIGHTS_REPLAYED && flights->free_records > 0;
}

static bool has_place(struct flights *flights)
{
    if (flights->own >= 0 && flights->free_places == 0)
        find_free(flights);
    return flights->own >= 0 && flights->free_places > 0;
}

/* Copies a record to where it outlives the process; returns what `held` says of it. */
static uint32_t put_record(struct flights *flights, struct slice record)
{
    struct part *part = &flights->board->parts[flights->own];
    unsigned at = flights->records[--flights->free_records];
    memcpy(flights->board->records[flights->own][at].bytes, record.ptr, record.len);
    atomic_store_explicit(&part->bytes[at], (uint32_t)record.len, memory_order_relaxed);
    return at + 1;
}

struct flight flights_begin(struct flights *flights, const struct ledger_identity *identity,
                            struct slice campaign, struct slice record)
{
    struct flight flight = {key_of(identity, campaign), -1};
    if (!flights || record.len > FLIGHT_RECORD_MAX || !has_place(flights) ||
        (record.len > 0 && flights->free_records == 0))
        return flight;
    uint32_t held = record.len > 0 ? put_record(flights, record) : 0;
    unsigned at = flights->places[--flights->free_places];
    flight.place = flights->own * FLIGHTS_MAX + (int)at;
    struct part *part = part_of(flights, flight);
    atomic_store_explicit(&part->held[at], held, memory_order_relaxed);
    atomic_store_explicit(&part->told[at], flight.key >> 32 << 32, memory_order_relaxed);
    if (atomic_load_explicit(&part->used, memory_order_relaxed) <= at)
        atomic_store_explicit(&part->used, at + 1, memory_order_relaxed);
    atomic_store_explicit(&part->keys[at], flight.key, memory_order_release);
    return flight;
}

static bool is_own(const struct flights *flights, struct flight flight)
{
    return flight.place / FLIGHTS_MAX == flights->own;
}

static void free_record(struct flights *flights, uint32_t held)
{
    if (held > 0)
        flights->records[flights->free_records++] = (uint16_t)record_of(held);
}

void flights_spooled(struct flights *flights, struct flight flight)
{
    if (!flights || !is_open(flights, flight))
        return;
    uint32_t held = atomic_exchange(&part_of(flights, flight)->held[place_in_part(flight)], 0);
    if (is_own(flights, flight))
        free_record(flights, held);
}

void flights_leave(struct flights *flights, struct flight flight)
{
    if (flights && is_open(flights, flight))
        (void)atomic_fetch_or(&part_of(flights, flight)->held[place_in_part(flight)], LEFT);
}

bool flights_tell(struct flights *flights, struct flight flight, unsigned number)
{
    if (!flights || !is_open(flights, flight))
        return false;
    uint64_t expected = flight.key >> 32 << 32 | number;
    return atomic_compare_exchange_strong(&part_of(flights, flight)->told[place_in_part(flight)],
                                          &expected, expected + 1);
}

void flights_end(struct flights *flights, struct flight flight)
{
    if (!flights || flight.place < 0)
        return;
    struct part *part = part_of(flights, flight);
    unsigned at = place_in_part(flight);
    uint32_t held = atomic_load(&part->held[at]);
    uint64_t expected = flight.key;
    if (!atomic_compare_exchange_strong(&part->keys[at], &expected, 0) || !is_own(flights, flight))
        return;
    free_record(flights, held);
    flights->places[flights->free_places++] = (uint16_t)at;
    if (flights->free_places == FLIGHTS_MAX)
        atomic_store(&part->used, 0);
}

/* ---- What others have left ------------------------------------------------------------------- */

bool flights_take_over(struct flights *flights)
{
    if (flights && flights->taken < 0)
        flights->taken = take_part(flights, WITH_RECORDS);
    return flights && flights->taken >= 0;
}

void flights_give_back(struct flights *flights)
{
    if (!flights)
        return;
    if (flights->taken >= 0)
        atomic_store(&flights->board->parts[flights->taken].owner, 0);
    flights->taken = -1;
}

/* Of a part: those that were left only, or all that have a record. */
static bool next_of_part(const struct flights *flights, int number, bool left, unsigned *at,
                         struct flight *ret, struct slice *ret_record)
{
    const struct part *part = &flights->board->parts[number];
    unsigned used = atomic_load(&part->used);
    while (*at < used) {
        unsigned i = (*at)++;
        uint32_t held = atomic_load(&part->held[i]);
        *ret = (struct flight){atomic_load(&part->keys[i]), number * FLIGHTS_MAX + (int)i};
        if (ret->key == 0 || held == 0 || (left && !(held & LEFT)))
            continue;
        unsigned record = record_of(held);
        *ret_record = slice_of(flights->board->records[number][record].bytes,
                               atomic_load(&part->bytes[record]));
        return true;
    }
    return false;
}

bool flights_next_left(struct flights *flights, unsigned *at, struct flight *ret,
                       struct slice *ret_record)
{
    if (!flights)
        return false;
    if (flights->taken >= 0 && *at < FLIGHTS_MAX &&
        next_of_part(flights, flights->taken, false, at, ret, ret_record))
        return true;
    unsigned own = *at < FLIGHTS_MAX ? 0 : *at - FLIGHTS_MAX;
    bool found =
        flights->own >= 0 && next_of_part(flights, flights->own, true, &own, ret, ret_record);
    *at = FLIGHTS_MAX + own;
    return found;
}
