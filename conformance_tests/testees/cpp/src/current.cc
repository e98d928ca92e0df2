#include "current.h"

#include <tuple>
#include <utility>

namespace precompile {
namespace {

// Rows by name, those that were taken away included, which find and put give no heed to.
class Named {
 private:
  auto is(const NameView& name) const {
    return [this, name](uint32_t at) {
      const Row& row = rows_[at];
      return bundle_->segments[row.segment].manifest.artifacts.name(row.index) == name;
    };
  }

 public:
  explicit Named(const Bundle& bundle) : bundle_(&bundle) {}

  void clear() {
    rows_.clear();
    is_there_.clear();
    by_name_.clear();
    taken_ = 0;
  }

  void reserve(size_t more) {
    by_name_.reserve(rows_.size() + more);
    if (!rows_.empty()) return;  // they grow by themselves: many segments may hold one row each
    rows_.reserve(more);
    is_there_.reserve(more);
  }

  // In the place of the row of the same name, where one is there. [PCB-CURR-002] [PCB-CURR-004]
  void put(uint64_t hash, const NameView& name, Row row) {
    const auto position = static_cast<uint32_t>(rows_.size());
    const auto [found, is_new] = by_name_.insert(hash, position, is(name));
    if (!is_new && is_there_[*found]) {
      rows_[*found] = row;
      return;
    }
    *found = position;
    rows_.push_back(row);
    is_there_.push_back(true);
  }

  // [PCB-CURR-003]
  void take(const NameView& name) {
    const uint32_t* const found = by_name_.find(name_hash(name), is(name));
    if (found == nullptr || !is_there_[*found]) return;
    is_there_[*found] = false;
    ++taken_;
  }

  bool is_whole() const { return taken_ == 0; }
  bool empty() const { return rows_.empty(); }

  template <class Each>
  void for_each(const Each& each) const {
    for (size_t i = 0; i < rows_.size(); ++i) {
      if (is_there_[i]) each(rows_[i]);
    }
  }

  std::pair<std::vector<Row>, Positions> release() { return {std::move(rows_), std::move(by_name_)}; }

 private:
  const Bundle* bundle_;
  std::vector<Row> rows_;
  std::vector<bool> is_there_;
  Positions by_name_;
  size_t taken_ = 0;
};

}  // namespace

Current::Current(const Bundle& bundle, const std::function<bool(const Segment&)>& counts)
    : bundle_(bundle) {
  const auto put = [&](Named& into, const Row& row) {
    const NameView name = bundle.segments[row.segment].manifest.artifacts.name(row.index);
    into.put(name_hash(name), name, row);
  };
  Named all(bundle), chain(bundle);
  // [PCB-CURR-006] Chains know nothing of each other: a later one supersedes and takes nothing away.
  const auto join = [&] {
    if (all.empty() && chain.is_whole()) {
      std::swap(all, chain);
    } else {
      chain.for_each([&](const Row& row) { put(all, row); });
    }
    chain.clear();
  };
  for (size_t i = 0; i < bundle.segments.size(); ++i) {
    const Segment& segment = bundle.segments[i];
    if (segment.begins_chain()) join();
    if (!counts(segment)) continue;  // [PCB-HOST-006]
    for (const NameView& removed : segment.manifest.removed) chain.take(removed);
    const ArtifactTable& table = segment.manifest.artifacts;
    std::vector<uint64_t> type_hashes;
    for (const auto& type : table.types) type_hashes.push_back(keyed_hash(type.name));
    chain.reserve(table.size());
    for (uint32_t k = 0; k < table.size(); ++k) {
      chain.put(name_hash(type_hashes[table.type[k]], table.key[k]), table.name(k),
                {static_cast<uint32_t>(i), k});
    }
  }
  join();
  std::tie(rows_, by_name_) = all.release();
}

const Row* Current::find(const NameView& name) const {
  const auto is = [&](uint32_t at) {
    return bundle_.segments[rows_[at].segment].manifest.artifacts.name(rows_[at].index) == name;
  };
  const uint32_t* const found = by_name_.find(name_hash(name), is);
  return found == nullptr ? nullptr : &rows_[*found];
}

}  // namespace precompile
