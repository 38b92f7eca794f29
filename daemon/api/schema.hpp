// JSON Schema (2020-12) of described structs: members from Boost.Describe, words and bounds from their notes.
#pragma once

#include <boost/core/demangle.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "api/decode.hpp"
#include "api/route_notes.hpp"
#include "statetrack/fields.hpp"

namespace statetrackd {

// The schemas of one document that others refer to by name.
class schema_book {
public:
    // A reference to the schema of that name, which is made the first time.
    template <class Make>
    boost::json::object refer(const std::string& name, Make make) {
        if (!schemas_.contains(name)) {
            schemas_[name] = nullptr;  // known while it is made, so that one may refer to itself
            schemas_[name] = make(*this);
        }
        return {{"$ref", "#/components/schemas/" + name}};
    }
    const boost::json::object& schemas() const { return schemas_; }

private:
    boost::json::object schemas_;
};

boost::json::object text_schema(const statetrack::field_notes& notes);
boost::json::object integer_schema(const statetrack::field_notes& notes);
boost::json::object boolean_schema();
boost::json::object uuid_schema();
boost::json::object time_schema();
boost::json::object enumeration_schema(const std::vector<std::string_view>& names);
boost::json::object free_object_schema(const statetrack::field_notes& notes);
boost::json::object array_schema(boost::json::object items);
// The same, or null.
boost::json::object nullable(boost::json::object schema);
// With the notes' words and example.
boost::json::object with_words(boost::json::object schema, const statetrack::field_notes& notes);

// Collects an object's members.
class object_schema {
public:
    explicit object_schema(std::string_view doc = {}) : doc_(doc) {}

    object_schema& add(std::string_view name, boost::json::object schema, bool required = true);
    object_schema& add(std::string_view name, std::string_view doc, boost::json::object schema) {
        return add(name, with_words(std::move(schema), {.doc = doc}));
    }
    // Of requests, where a field that nobody knows is refused.
    object_schema& close() {
        closed_ = true;
        return *this;
    }
    boost::json::object done() const;

private:
    std::string_view doc_;
    boost::json::object properties_;
    boost::json::array required_;
    bool closed_ = false;
};

template <class T>
std::string schema_name() {
    const auto name = boost::core::demangle(typeid(T).name());
    return name.substr(name.rfind(':') + 1);
}

template <class Request>
boost::json::object element_schema(schema_book& book);

// Of a value that is sent or shown; who calls it decides what null and absence mean.
template <class T>
boost::json::object value_schema(schema_book& book, const statetrack::field_notes& notes) {
    if constexpr (std::is_same_v<T, std::string>) {
        return text_schema(notes);
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
        return integer_schema(notes);
    } else if constexpr (std::is_same_v<T, bool>) {
        return boolean_schema();
    } else if constexpr (std::is_same_v<T, statetrack::uuid>) {
        return uuid_schema();
    } else if constexpr (std::is_same_v<T, statetrack::timestamp>) {
        return time_schema();
    } else if constexpr (std::is_same_v<T, statetrack::json_text>) {
        return free_object_schema(notes);
    } else if constexpr (std::is_enum_v<T>) {
        return enumeration_schema(statetrack::enum_names<T>());
    } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) {
        auto schema = array_schema(integer_schema(notes));
        schema["uniqueItems"] = true;
        if (notes.length_max != 0) schema["maxItems"] = notes.length_max;
        return schema;
    } else if constexpr (boost::describe::has_describe_members<T>::value) {
        return element_schema<T>(book);
    } else {
        auto schema = array_schema(element_schema<typename T::value_type>(book));
        if (notes.length_max != 0) schema["maxItems"] = notes.length_max;
        return schema;
    }
}

// Of a member as it is shown: there always, null where it is optional and empty.
template <auto Member>
boost::json::object shown_schema(schema_book& book) {
    using entity = typename statetrack::class_of_member<decltype(Member)>::type;
    using field = std::remove_cvref_t<decltype(std::declval<entity&>().*Member)>;
    constexpr auto& notes = statetrack::notes_of<Member>;
    if constexpr (statetrack::is_optional<field>::value)
        return with_words(nullable(value_schema<typename field::value_type>(book, notes)), notes);
    else
        return with_words(value_schema<field>(book, notes), notes);
}

// Of a member as it is sent: what is optional may be left out, and only a change may be null.
template <auto Member>
boost::json::object sent_schema(schema_book& book) {
    using entity = typename statetrack::class_of_member<decltype(Member)>::type;
    using field = std::remove_cvref_t<decltype(std::declval<entity&>().*Member)>;
    constexpr auto& notes = statetrack::notes_of<Member>;
    if constexpr (statetrack::is_change<field>::value)
        return with_words(nullable(value_schema<typename decltype(field::to)::value_type>(book, notes)),
                          notes);
    else if constexpr (statetrack::is_optional<field>::value)
        return with_words(value_schema<typename field::value_type>(book, notes), notes);
    else
        return with_words(value_schema<field>(book, notes), notes);
}

// Every member that is shown.
template <class T>
void add_shown_members(object_schema& object, schema_book& book) {
    statetrack::for_each_member<T>([&](std::string_view name, auto member) {
        if constexpr (!statetrack::notes_of<member.value>.hidden)
            object.add(name, shown_schema<member.value>(book));
    });
}

template <class Request>
void add_fields(object_schema& object, schema_book& book, nesting where) {
    statetrack::for_each_member<Request>([&](std::string_view name, auto member) {
        constexpr auto& notes = statetrack::notes_of<member.value>;
        if (notes.in_path && where == nesting::whole_body) return;
        object.add(name, sent_schema<member.value>(book), notes.required);
    });
    object.close();
}

template <class Request>
constexpr bool has_path_member() {
    bool has = false;
    statetrack::for_each_member<Request>(
        [&](std::string_view, auto member) { has = has || statetrack::notes_of<member.value>.in_path; });
    return has;
}

// Of a struct within a request: what is in the path elsewhere is a field here.
template <class Request>
boost::json::object element_schema(schema_book& book) {
    const auto name = schema_name<Request>() + (has_path_member<Request>() ? "_element" : "");
    return book.refer(name, [](schema_book& in) {
        object_schema object;
        add_fields<Request>(object, in, nesting::element);
        return object.done();
    });
}

// Of a whole body.
template <class Request>
boost::json::object request_schema(schema_book& book, const body_rules& rules) {
    return book.refer(schema_name<Request>(), [&](schema_book& in) {
        object_schema object;
        add_fields<Request>(object, in, nesting::whole_body);
        if (rules.takes_epoch) object.add("epoch", sent_schema<&statetrack::heartbeat::epoch>(in), false);
        return object.done();
    });
}

}  // namespace statetrackd
