/*
 * tags: the files built into the server: /tag.js for every page, /demo/ where server.demo is on.
 */
#ifndef SERVE_TAGS_H
#define SERVE_TAGS_H

#include "http/exchange.h"
#include "serve/service.h"

http_handler tags_handle_tag; /* /tag.js: an hour in caches, then asked for by its ETag */
http_handler tags_handle_demo;

/* /demo, without the slash, sends there. */
http_handler tags_handle_demo_root; /* /demo/…: 404 when server.demo is off */

#endif
