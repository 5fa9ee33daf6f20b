#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/embed.h"

static void every_row_is_found_by_its_path(void **state)
{
    (void)state;
    for (size_t i = 0; i < embed_file_count; i++)
        assert_ptr_equal(embed_find(slice_cstr(embed_files[i].path)), &embed_files[i]);
    assert_null(embed_files[embed_file_count].path);
}

static void other_paths_are_not_found(void **state)
{
    (void)state;
    assert_null(embed_find(SLICE("")));
    assert_null(embed_find(SLICE("web/tag.j")));
    assert_null(embed_find(SLICE("web/tag.js2")));
    assert_null(embed_find(SLICE("web/../web/tag.js")));
    assert_null(embed_find(slice_of("web/tag.js\0", sizeof("web/tag.js"))));
}

static void a_nul_stands_behind_each_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < embed_file_count; i++)
        assert_int_equal(embed_files[i].data[embed_files[i].size], 0);
}

static void the_tag_is_carried_without_comments(void **state)
{
    (void)state;
    const struct embed_file *tag = embed_find(SLICE("web/tag.js"));
    assert_non_null(tag);
    assert_true(tag->size > 100);
    assert_null(strstr(tag->data, "\n//"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_found_by_its_path),
        cmocka_unit_test(other_paths_are_not_found),
        cmocka_unit_test(a_nul_stands_behind_each_file),
        cmocka_unit_test(the_tag_is_carried_without_comments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
