/*
 * conversion_query: the parameters of a conversion (decision/conversion.h) from a request.
 */
#ifndef SERVE_CONVERSION_QUERY_H
#define SERVE_CONVERSION_QUERY_H

#include "decision/conversion.h"
#include "http/request.h"

#define CONVERSION_PARAMETERS_MAX 64 /* in the query, and in the body */

/*
 * From the query string and, of a POST, a body of type application/x-www-form-urlencoded; a
 * parameter stands in one of them. Unknown names are passed over. A mistake fills `err`: `where`
 * names the parameter. Slices live as long as the request.
 */
bool conversion_query_parse(const struct http_request *request, struct conversion *ret,
                            struct err *err);

#endif
