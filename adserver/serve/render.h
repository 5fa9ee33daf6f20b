/*
 * render: the JSON answer of an ad request (CONTRACT 3.1).
 */
#ifndef SERVE_RENDER_H
#define SERVE_RENDER_H

#include "decision/selection.h"
#include "serve/service.h"

#define REQUEST_ID_BYTES 15

struct page_answer {
    uint8_t request_id[REQUEST_ID_BYTES];
    int64_t now_us;
    struct slice page_url; /* as the request says; empty: not said */
    const struct page_request *request;
    const struct selection *selection;
    const int *chosen; /* by slot: a position in its candidates, or -1 */
};

/*
 * Writes the whole body into `service->answer`; every ad gets its signed addresses, and its texts
 * the values of their macros.
 */
void render_answer(struct service *service, const struct page_answer *answer);

#endif
