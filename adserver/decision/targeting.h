/*
 * targeting: whom a campaign wants, compiled to data when it is loaded and judged against facts.
 *
 * One field holds when one of its includes matches and none of its excludes does; a field with
 * excludes alone holds for all that they do not match. Fields are joined by AND, key-values of
 * different names too. What is not known of a page satisfies no rule (facts.h).
 *
 * A campaign's rules are one run of bytes without pointers in the campaign's own block of memory;
 * a campaign that wants everybody has none (campaign.targeting is NULL).
 */
#ifndef DECISION_TARGETING_H
#define DECISION_TARGETING_H

#include "decision/country.h"
#include "decision/facts.h"
#include "decision/model.h"
#include "decision/reasons.h"

/*
 * The first reason against, in the order of reasons.def from REASON_COUNTRY to REASON_HOURS;
 * REASON_NONE: the rules hold.
 */
enum reason targeting_judge(const struct campaign *campaign, const struct page_facts *facts,
                            int64_t now_us);

/*
 * The next moment after `now_us` at which the verdict of its hours may change; INT64_MAX: never.
 * It need not change then: where clocks in its zone change counts, too.
 */
int64_t targeting_next_change_us(const struct campaign *campaign, int64_t now_us);

/* Whether the hours hold at that moment; true without hours. */
bool targeting_hours_hold(const struct campaign *campaign, int64_t now_us);

/* ---- For an index over campaigns: what each one may accept ----------------------------------- */

/* The countries it accepts, exactly, with includes and excludes worked in; 0 is never among them.
 * NULL: no rule, all and also the unknown one. */
const struct country_set *targeting_countries(const struct campaign *campaign);

/* Bits by enum device, browser, system that it accepts, exactly; all ones where there is no rule,
 * else never the one of UNKNOWN. */
unsigned targeting_devices(const struct campaign *campaign);
unsigned targeting_browsers(const struct campaign *campaign);
unsigned targeting_systems(const struct campaign *campaign);

/*
 * Called with a key for each primary subtag ("pt" of pt-BR) among the languages it includes, the
 * same key perhaps more than once. False, without a call: it includes none, so any may do.
 */
typedef void targeting_key_fn(uint64_t key, void *arg);
bool targeting_language_keys(const struct campaign *campaign, targeting_key_fn *fn, void *arg);
/* The page's; 0 where its language is not known, which no key is. */
uint64_t page_language_key(const struct page_facts *facts);

/*
 * Called with a key for each include of the one field by which the campaign is found best: a
 * key-value, else domains, keywords, referrers, or the first segments of its paths where all
 * includes begin with a literal one (/sport/ followed by anything). Then the rules can hold only on
 * a page that has one of these keys. False, without a call: it has no such field, so it must always
 * be looked at.
 */
bool targeting_context_keys(const struct campaign *campaign, targeting_key_fn *fn, void *arg);

/* Of what kind the keys of that field are, as the number of a bit; CONTEXT_KINDS: it has none. */
#define CONTEXT_KINDS 16
unsigned targeting_context_kind(const struct campaign *campaign);

/* The keys of those kinds (a bit each) that a page has: of its domain, its referrer and every
 * parent of them, its keywords, its key-values and its first path segment. How many is returned. */
#define PAGE_CONTEXT_KEYS_MAX (2 * 127 + FACTS_KEYWORDS_MAX + FACTS_KEY_VALUES_MAX + 1)
unsigned page_context_keys(const struct page_facts *facts, uint32_t kinds,
                           uint64_t keys[PAGE_CONTEXT_KEYS_MAX]);

#endif
