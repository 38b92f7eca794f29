#include <algorithm>

#include "broken_stores.hpp"

namespace statetrack::testing {
namespace {

using changed_query = std::function<void(query&)>;
using changed_row = std::function<void(const table&, row&)>;

broken_store selecting(std::string name, const changed_query& change,
                       std::vector<std::string_view> caught_by) {
    hooks by{.select = [change](reader& in, const table& from, const query& what) {
        query other = what;
        change(other);
        return in.select(from, other);
    }};
    return {name, kept(name, std::move(by)), std::move(caught_by)};
}

broken_store giving_back(std::string name, const changed_row& change,
                         std::vector<std::string_view> caught_by) {
    hooks by{.find =
                 [change](reader& in, const table& from, const value& key) {
                     auto found = in.find(from, key);
                     if (found && *found) change(from, (*found)->values);
                     return found;
                 },
             .select =
                 [change](reader& in, const table& from, const query& what) {
                     auto found = in.select(from, what);
                     if (found)
                         for (auto& one : *found) change(from, one.values);
                     return found;
                 }};
    return {name, kept(name, std::move(by)), std::move(caught_by)};
}

broken_store finding(std::string name, decltype(hooks::find) find, std::vector<std::string_view> caught_by) {
    return {name, kept(name, {.find = std::move(find)}), std::move(caught_by)};
}

broken_store filtering(std::string name, std::function<bool(const query&, const row&)> keeps,
                       std::vector<std::string_view> caught_by) {
    hooks by{.select = [keeps](reader& in, const table& from, const query& what) {
        auto found = in.select(from, what);
        if (found) std::erase_if(*found, [&](const stored_row& one) { return !keeps(what, one.values); });
        return found;
    }};
    return {name, kept(name, std::move(by)), std::move(caught_by)};
}

broken_store counting(std::string name, decltype(hooks::count) count,
                      std::vector<std::string_view> caught_by) {
    return {name, kept(name, {.count = std::move(count)}), std::move(caught_by)};
}

void each_text(row& values, const std::function<void(std::string&)>& change) {
    for (auto& v : values)
        if (auto* text = std::get_if<std::string>(&v)) change(*text);
}

// As from an index of states, with nothing merged.
found_rows state_by_state(reader& in, const table& from, const query& what) {
    auto found = in.select(from, what);
    if (found && from.name == table_of<session>().name)
        std::ranges::stable_sort(*found, {}, [](const stored_row& one) {
            return one.values.size() == table_of<session>().columns.size()
                       ? one.values[column_of<&session::status>()]
                       : value{};
        });
    return found;
}

found_rows with_ties_turned(reader& in, const table& from, const query& what) {
    auto found = in.select(from, what);
    if (!found || !what.order_by_range || !what.range) return found;
    const auto at = [&](const stored_row& one) { return one.values[*what.range]; };
    for (auto begin = found->begin(); begin != found->end();) {
        const auto end =
            std::find_if(begin, found->end(), [&](const auto& one) { return at(one) != at(*begin); });
        std::reverse(begin, end);
        begin = end;
    }
    return found;
}

void add_broken_values(std::vector<broken_store>& to) {
    to.push_back(giving_back(
        "texts are cut at 64 KiB",
        [](const table&, row& r) {
            each_text(r, [](auto& text) { text.resize(std::min(text.size(), document_bytes_max)); });
        },
        {"Documents of 64 KiB and more come back byte for byte", "Hostile text comes back byte for byte"}));
    to.push_back(giving_back("an empty text is a null",
                             [](const table& in, row& r) {
                                 for (std::size_t i = 0; i < r.size(); ++i)
                                     if (in.columns[i].nullable && r[i] == value{std::string()}) r[i] = {};
                             },
                             {"Hostile text comes back byte for byte"}));
    to.push_back(giving_back("a null is an empty text or a zero",
                             [](const table& in, row& r) {
                                 for (std::size_t i = 0; i < r.size(); ++i) {
                                     if (!is_null(r[i])) continue;
                                     if (in.columns[i].kind == column_kind::text) r[i] = std::string();
                                     if (in.columns[i].kind == column_kind::time) r[i] = std::int64_t{0};
                                 }
                             },
                             {"A null comes back as a null"}));
    to.push_back(giving_back("an apostrophe is doubled",
                             [](const table&, row& r) {
                                 each_text(r, [](auto& text) {
                                     if (const auto at = text.find('\''); at != text.npos)
                                         text.insert(at, 1, '\'');
                                 });
                             },
                             {"Hostile text comes back byte for byte"}));
    to.push_back(giving_back("JSON is read and written again",
                             [](const table& in, row& r) {
                                 for (std::size_t i = 0; i < r.size(); ++i)
                                     if (in.columns[i].kind == column_kind::json && !is_null(r[i])) {
                                         auto& text = std::get<std::string>(r[i]);
                                         std::erase(text, ' ');
                                     }
                             },
                             {"JSON comes back as the text that it was"}));
    to.push_back(giving_back("integers go through a double",
                             [](const table&, row& r) {
                                 for (auto& v : r)
                                     if (auto* n = std::get_if<std::int64_t>(&v);
                                         n && *n > (std::int64_t{1} << 53))
                                         *n &= ~std::int64_t{1'023};  // what a double loses
                             },
                             {"Integers and times at the 64-bit limits come back exact"}));
    to.push_back(giving_back(
        "the last column of a table is forgotten",
        [](const table&, row& r) {
            if (std::holds_alternative<bool>(r.back())) r.back() = false;
        },
        {"A row with every column set comes back as it was written", "A patch can write every column"}));
}

void add_broken_finds(std::vector<broken_store>& to) {
    to.push_back(finding("text keys ignore case and blanks at the end",
                         [](reader& in, const table& from, const value& key) -> found_row {
                             const auto plain = [](const value& v) {
                                 std::string text = std::get<std::string>(v);
                                 std::ranges::transform(text, text.begin(), [](char c) {
                                     return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
                                 });
                                 while (text.ends_with(' ')) text.pop_back();
                                 return text;
                             };
                             if (!std::holds_alternative<std::string>(key)) return in.find(from, key);
                             const auto all = in.select(from, {.limit = select_rows_max});
                             if (!all) return all.error();
                             for (const auto& one : *all)
                                 if (plain(one.values[from.key]) == plain(key)) return std::optional(one);
                             return std::optional<stored_row>{};
                         },
                         {"Text keys are told apart byte by byte"}));
    to.push_back(finding("only the first fifteen bytes of a uuid count",
                         [](reader& in, const table& from, const value& key) -> found_row {
                             const auto* id = std::get_if<uuid>(&key);
                             if (!id) return in.find(from, key);
                             const auto all = in.select(from, {.limit = select_rows_max});
                             if (!all) return all.error();
                             for (const auto& one : *all) {
                                 const auto other = std::get<uuid>(one.values[from.key]);
                                 if (std::equal(id->bytes.begin(), id->bytes.end() - 1, other.bytes.begin()))
                                     return std::optional(one);
                             }
                             return std::optional<stored_row>{};
                         },
                         {"Every byte of a uuid counts"}));
    to.push_back(
        finding("an unknown key finds the newest row",
                [](reader& in, const table& from, const value& key) -> found_row {
                    auto found = in.find(from, key);
                    if (!found || *found) return found;
                    auto newest = in.select(from, {.order = direction::descending, .limit = 1});
                    if (!newest) return newest.error();
                    if (newest->empty()) return found;
                    return std::optional(newest->front());
                },
                {"A key that is not there is not found", "An erased row is gone and its key is free"}));
    to.push_back(finding("a row is found with another ordinal",
                         [](reader& in, const table& from, const value& key) {
                             auto found = in.find(from, key);
                             if (found && *found) ++(*found)->ordinal;
                             return found;
                         },
                         {"Ordinals grow in the order of insertion", "A patch keeps the row's ordinal"}));
}

void add_broken_looks(std::vector<broken_store>& to) {
    const auto seeing = [&](std::string name, decltype(hooks::look_at) look_at,
                            std::vector<std::string_view> caught_by) {
        to.push_back({name, kept(name, {.look_at = std::move(look_at)}), std::move(caught_by)});
    };
    seeing("a row is seen without its texts",
           [](reader& in, const table& from, const value& key, const look& at) {
               return in.look_at(from, key, [&](row_view values) {
                   std::vector<value_view> shown(values.begin(), values.end());
                   for (auto& one : shown)
                       if (std::holds_alternative<std::string_view>(one)) one = std::string_view();
                   at(shown);
               });
           },
           {"A row is seen where it lies as it is found",
            "A row with every column set comes back as it was written"});
    seeing("a row that is not there is seen empty",
           [](reader& in, const table& from, const value& key, const look& at) -> result<bool> {
               const auto there = in.look_at(from, key, at);
               if (there && !*there) at({});
               return there ? result<bool>(true) : there;
           },
           {"A key that is not there is not found", "A row is seen where it lies as it is found"});
    seeing("beats are not seen where a row lies",
           [](reader& in, const table& from, const value& key, const look& at) {
               return in.look_at(from, key, [&](row_view values) {
                   std::vector<value_view> shown(values.begin(), values.end());
                   for (const auto column : from.beat_columns)
                       if (from.columns[column].nullable) shown[column] = {};
                   at(shown);
               });
           },
           {"A row is seen where it lies as it is found"});
    const std::vector<std::string_view> showing{"Rows are shown where they lie as they are selected",
                                                "Any query answers what a filter over all rows would"};
    to.push_back({"the last row of a page is not shown",
                  kept("unshown",
                       {.look_through =
                            [](reader& in, const table& from, const query& what, const reader::row_look& at) {
                                query other = what;
                                other.limit = std::max<std::size_t>(what.limit, 1) - 1;
                                return in.look_through(from, other, at);
                            }}),
                  showing});
    to.push_back({"rows are shown without their numbers",
                  kept("numberless",
                       {.look_through =
                            [](reader& in, const table& from, const query& what, const reader::row_look& at) {
                                return in.look_through(
                                    from, what, [&](std::int64_t ordinal, row_view values) {
                                        std::vector<value_view> shown(values.begin(), values.end());
                                        for (auto& one : shown)
                                            if (std::holds_alternative<std::int64_t>(one))
                                                one = std::int64_t{0};
                                        at(ordinal, shown);
                                    });
                            }}),
                  showing});
}

void add_broken_selects(std::vector<broken_store>& to) {
    to.push_back(selecting(
        "the direction is ignored", [](query& q) { q.order = direction::ascending; },
        {"A walk goes by ordinal, either way", "Any query answers what a filter over all rows would"}));
    to.push_back({"sessions come state by state",
                  kept("states", {.select = state_by_state}),
                  {"Sessions come in the order of insertion, whichever states are asked for"}});
    to.push_back({"ties are broken the other way",
                  kept("ties", {.select = with_ties_turned}),
                  {"An order by range breaks ties by ordinal, the same way"}});
    to.push_back(selecting("the range gives no order", [](query& q) { q.order_by_range = false; },
                           {"An order by range breaks ties by ordinal, the same way"}));
    to.push_back(selecting("the offset is ignored", [](query& q) { q.offset = 0; },
                           {"Pages by offset and limit fit together"}));
    to.push_back(selecting("no limit is one of fifty", [](query& q) { q.limit = q.limit ? q.limit : 50; },
                           {"Pages by offset and limit fit together"}));
    to.push_back(selecting("after includes its ordinal",
                           [](query& q) {
                               if (q.after && *q.after > 0 && *q.after < 1'000)
                                   q.after = *q.after + (q.order == direction::ascending ? -1 : 1);
                           },
                           {"A query goes on after an ordinal, in its direction"}));
    to.push_back(selecting("after goes upwards in either direction",
                           [](query& q) {
                               if (q.order == direction::descending) q.after.reset();
                           },
                           {"A query goes on after an ordinal, in its direction"}));
    to.push_back(selecting("a range leaves its ends out",
                           [](query& q) {
                               if (q.min && *q.min < 1'000) ++*q.min;
                           },
                           {"A range holds both its ends and no null"}));
    to.push_back(selecting("a range without ends holds nulls",
                           [](query& q) {
                               if (!q.min && !q.max && !q.order_by_range) q.range.reset();
                           },
                           {"A range holds both its ends and no null"}));
    to.push_back(selecting("a negated condition is not",
                           [](query& q) {
                               for (auto& one : q.where) one.negated = false;
                           },
                           {"A negated condition holds exactly where it would not, nulls included"}));
    to.push_back(filtering("a negated condition never holds for a null",
                           [](const query& q, const row& r) {
                               return std::ranges::none_of(q.where, [&](const auto& one) {
                                   return one.negated && is_null(r[one.column]);
                               });
                           },
                           {"A negated condition holds exactly where it would not, nulls included"}));
    to.push_back(filtering("a null among the values is no value",
                           [](const query& q, const row& r) {
                               return std::ranges::none_of(q.where, [&](const auto& one) {
                                   return !one.negated && is_null(r[one.column]);
                               });
                           },
                           {"A null among the values of a condition means is null"}));
    to.push_back(selecting("only the first value of a condition counts",
                           [](query& q) {
                               for (auto& one : q.where)
                                   if (one.one_of.size() > 1) one.one_of.resize(1);
                           },
                           {"A condition holds where the column has one of its values"}));
    to.push_back(selecting("only so many values of a condition count",
                           [](query& q) {
                               for (auto& one : q.where)
                                   one.one_of.resize(std::min<std::size_t>(one.one_of.size(), 999));
                           },
                           {"A condition may have a thousand values"}));
    to.push_back(selecting("only the first condition counts",
                           [](query& q) {
                               if (q.where.size() > 1) q.where.resize(1);
                           },
                           {"A condition holds where the column has one of its values"}));
    hooks endless{.select = [](reader& in, const table& from, const query& what) {
        query rest = what;
        auto all = in.select(from, rest);
        while (all && !all->empty() && all->size() < what.limit && !what.offset && !what.order_by_range) {
            rest.after = all->back().ordinal;
            const auto more = in.select(from, rest);
            if (!more || more->empty()) break;
            all->insert(all->end(), more->begin(), more->end());
        }
        return all;
    }};
    hooks forgetful{.select = [](reader& in, const table& from, const query& what) {
        auto page = in.select(from, what);
        for (std::size_t i = 0; i < what.columns.size(); ++i)
            if (page && from.columns[what.columns[i]].nullable)
                for (auto& one : *page) one.values[i] = {};
        return page;
    }};
    to.push_back({"what is needed is left out where it can be null",
                  kept("forgetful", forgetful),
                  {"Of a row all comes that is needed"}});
    to.push_back({"a page may be of any length",
                  kept("endless", endless),
                  {"No page is longer than select_rows_max"}});
}

void add_broken_counts(std::vector<broken_store>& to) {
    to.push_back(
        counting("counts are one too high",
                 [](reader& in, const table& of, std::span<const condition> where) -> result<std::int64_t> {
                     const auto n = in.count(of, where);
                     return n ? *n + 1 : n;
                 },
                 {"A new store is empty in every table", "Counts are those of the rows inserted"}));
    to.push_back(counting("counts use the first condition only",
                          [](reader& in, const table& of, std::span<const condition> where) {
                              return in.count(of, where.first(std::min<std::size_t>(1, where.size())));
                          },
                          {"Counts are those of the rows inserted", "Counts follow every patch"}));
    to.push_back(
        counting("what no tally keeps is not counted",
                 [](reader& in, const table& of, std::span<const condition> where) -> result<std::int64_t> {
                     for (const auto& one : where)
                         if (one.negated) return 0;
                     return in.count(of, where);
                 },
                 {"What no tally keeps is counted all the same"}));
    to.push_back(counting(
        "values are counted together where they are equal but for case and blanks",
        [](reader& in, const table& of, std::span<const condition> where) -> result<std::int64_t> {
            std::vector<condition> wider(where.begin(), where.end());
            for (auto& one : wider)
                for (std::size_t i = one.one_of.size(); i-- > 0 && !one.negated;)
                    if (auto* text = std::get_if<std::string>(&one.one_of[i]); text && text->size() == 1)
                        one.one_of.emplace_back(*text + " ");
            return in.count(of, wider);
        },
        {"Values that look alike are counted apart"}));
}

}  // namespace

void add_broken_reads(std::vector<broken_store>& to) {
    add_broken_values(to);
    add_broken_finds(to);
    add_broken_looks(to);
    add_broken_selects(to);
    add_broken_counts(to);
}

}  // namespace statetrack::testing
