/*
 * page_query: the parameters of an ad request from a query string or JSON.
 */
#ifndef SERVE_PAGE_QUERY_H
#define SERVE_PAGE_QUERY_H

#include "decision/page_parameters.h"
#include "http/request.h"

/*
 * From the query string of GET, or the JSON object of POST with the same names (slot and page may
 * be arrays there). Unknown names are passed over. A mistake fills `err`: `where` names the
 * parameter, `text` tells what is allowed. Slices live as long as the request.
 */
bool page_query_parse(const struct http_request *request, struct page_query *ret, struct err *err);

#endif
