/*
 * agent: device, browser and operating system of a viewer, from what its browser says of itself.
 *
 * Client hints first (decision/hints.h), then the User-Agent header, each for what the other left
 * open. The User-Agent is read as words, each of which is looked up in one table; nothing is made
 * of versions or models.
 *
 * What this cannot know: an iPad's Safari says that it is a Mac, and is taken for one; a browser
 * that is told to ask for desktop sites lies about its device. Televisions and consoles are none of
 * the devices that there are words for: their device is not known. A program that reads pages for
 * others (a "bot") is BROWSER_OTHER, whatever browser it says it is like. Web views of other
 * programs are BROWSER_OTHER as well.
 */
#ifndef DECISION_AGENT_H
#define DECISION_AGENT_H

#include "decision/facts.h"

#define AGENT_BYTES_MAX 512 /* of a User-Agent that are looked at */

struct agent_headers {
    struct slice user_agent, brands, mobile, platform; /* empty: not sent */
};

struct agent {
    enum device device;
    enum browser browser;
    enum system system;
};

struct agent agent_of(const struct agent_headers *headers);

#endif
