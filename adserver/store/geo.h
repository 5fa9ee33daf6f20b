/*
 * geo: country and region of an address, from a file in MaxMind's DB format.
 *
 * The file is mapped when the configuration is read, and shared by the workers that are forked
 * then; a reload maps the file that is there by that time. Replace it by renaming a new one over
 * it: the mapping sees what is written into the file itself.
 *
 * A country is what one of these says: `country.iso_code` (MaxMind's and most others'),
 * `country_code` or `country` (flat files). `registered_country` is not asked: it is where a
 * network's owner has its seat, not where its users are. A region is `subdivisions.0.iso_code`, the
 * largest division, behind its country: "DE-BY"; files of countries have none.
 */
#ifndef STORE_GEO_H
#define STORE_GEO_H

#include "base/err.h"
#include "base/ip.h"

#define GEO_COUNTRY_LEN 2
#define GEO_PART_MAX    3 /* ISO 3166-2, behind the country and its dash */

struct geo;

/* Texts with NUL at their ends; empty: not known. */
struct geo_place {
    char country[GEO_COUNTRY_LEN + 1];                   /* ISO 3166-1 alpha-2, capitals */
    char region[GEO_COUNTRY_LEN + 1 + GEO_PART_MAX + 1]; /* ISO 3166-2 */
};

/* NULL with `err` where the file can't be read, is no such file, or knows no countries. */
struct geo *geo_open(const char *path, struct err *err);
void geo_close(struct geo *geo);

/*
 * Fills `ret` whole. False, and nothing known, for an address that the file does not have, and for
 * those that are nobody's whatever it says: private ones, loopback, the peer of a unix socket.
 * Takes as long as the address has bits and one record has fields, waits for nothing but pages of
 * the file.
 */
bool geo_find(struct geo *geo, const struct net_ip *ip, struct geo_place *ret);

#endif
