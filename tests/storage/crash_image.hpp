// What a kill at this moment would leave of a store: its database and log as the system has them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "sqlite_fixture.hpp"

namespace statetrack::testing {

class crash_image {
public:
    explicit crash_image(const sqlite_fixture& of) : crash_image(of.path()) {}
    explicit crash_image(const std::string& database) {
        for (const auto* tail : {"", "-wal"}) std::filesystem::copy_file(database + tail, path() + tail);
    }

    std::string path() const { return folder_.file("image.db"); }
    // Without the store: what is journalled is not folded by looking.
    std::int64_t number(const std::string& sql) const {
        return needed(needed(sqlite::database::open(path(), {})).number(sql, "looking at an image"));
    }
    std::unique_ptr<sqlite_store> open() const { return needed(open_sqlite_store({.path = path()})); }

private:
    temp_dir folder_;
};

}  // namespace statetrack::testing
