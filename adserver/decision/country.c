#include "decision/country.h"

#include "decision/text.h"

#define LETTERS 26

/* Sorted; a country's number is its place, counted from 1. */
static const char country_codes[] = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQ"
                                    "BRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZDEDJDKDM"
                                    "DODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGS"
                                    "GTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKN"
                                    "KPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQ"
                                    "MRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPM"
                                    "PNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSV"
                                    "SXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVI"
                                    "VNVUWFWSXKYEYTZAZMZW";

#define COUNTRIES ((sizeof country_codes - 1) / 2)
_Static_assert(COUNTRIES < COUNTRY_NUMBERS, "a number is below COUNTRY_NUMBERS");

/* By first and second letter; filled when first asked. */
static uint8_t numbers[LETTERS * LETTERS];

static unsigned place_of(const char *code)
{
    return (unsigned)(code[0] - 'A') * LETTERS + (unsigned)(code[1] - 'A');
}

static void fill(void)
{
    for (unsigned i = 0; i < COUNTRIES; i++)
        numbers[place_of(&country_codes[2 * i])] = (uint8_t)(i + 1);
}

unsigned country_number(struct slice code)
{
    if (code.len != 2 || !is_upper(code.ptr[0]) || !is_upper(code.ptr[1]))
        return 0;
    if (numbers[place_of(country_codes)] == 0)
        fill();
    return numbers[place_of(code.ptr)];
}

struct country_set country_set_all(void)
{
    struct country_set set = {{0}};
    for (unsigned i = 1; i <= COUNTRIES; i++)
        country_set_add(&set, i);
    return set;
}
