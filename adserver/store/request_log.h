/*
 * request_log: a sample of the ad requests, in Redis, for `adctl forecast`.
 *
 * A stream `<prefix>requests` of bounded length; each entry has one field, `r`, that holds a record
 * (decision/logged_request.h). Which requests are logged is decided by viewer, so that the log has
 * either all of a viewer's requests or none and caps can be counted again. Records are gathered in
 * the process and leave every REQUEST_LOG_FLUSH_MS, so that no request waits for it; it is a
 * sample, so what Redis does not take is dropped and counted.
 */
#ifndef STORE_REQUEST_LOG_H
#define STORE_REQUEST_LOG_H

#include "decision/logged_request.h"
#include "store/redis.h"

#define REQUEST_LOG_FLUSH_MS    250
#define REQUEST_LOG_PENDING_MAX 512 /* records between two flushes; more are dropped */

struct loop;
struct request_log;

struct request_log_config {
    struct loop *loop;
    struct redis *redis;     /* used until it or the log is freed */
    struct metrics *metrics; /* NULL: nothing is counted */
    struct slice prefix;     /* must outlive the log */
    uint32_t sample_ppm;     /* 0: nothing is logged */
    uint64_t entries_max;    /* of the stream, about; the oldest go first */
};
struct request_log *request_log_new(const struct request_log_config *config);

/* What has not left is lost. NULL is harmless. */
void request_log_free(struct request_log *log);

/* Whether anything is logged at all. */
bool request_log_is_on(const struct request_log *log);

/* Counts a request by its kind (store/request_kinds.h), whether it is in the sample or not. */
void request_log_count(struct request_log *log, int64_t at_ms, const struct page_facts *facts,
                       bool has_viewer);

/*
 * Whether a request is in the sample. `lot` is the same for all requests of a viewer: the viewer's
 * pseudonym, or a random number where there is none.
 */
bool request_log_wants(const struct request_log *log, uint64_t lot);

/* Takes a copy; sets sample_ppm itself. Never waits. */
void request_log_add(struct request_log *log, struct logged_request *request);

#endif
