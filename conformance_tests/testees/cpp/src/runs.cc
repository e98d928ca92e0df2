#include "runs.h"

#include <algorithm>
#include <utility>

namespace precompile {
namespace {

constexpr size_t kWindow = 64 << 10;

}  // namespace

void Runs::sort() {
  const auto key = [](const Run& run) { return std::pair(run.first, run.last); };
  std::sort(runs_.begin(), runs_.end(),
            [&](const Run& a, const Run& b) { return key(a) < key(b); });
  runs_.erase(std::unique(runs_.begin(), runs_.end(),
                          [&](const Run& a, const Run& b) { return key(a) == key(b); }),
              runs_.end());
}

void Runs::refuse(const Error& error) {
  for (Run* const run : active_) {
    if (run->hash == nullptr) continue;
    run->refusal = error;
    run->hash.reset();
  }
  active_.clear();
  live_ = 0;
  window_.clear();
}

void Runs::hash_window(Run& run, uint64_t end) const {
  run.hash->update(std::string_view(window_).substr(static_cast<size_t>(run.hashed - window_at_),
                                                    static_cast<size_t>(end - run.hashed)));
  run.hashed = end;
}

void Runs::flush(uint64_t end) {
  active_.erase(std::remove_if(active_.begin(), active_.end(),
                               [](const Run* run) { return run->hash == nullptr; }),
                active_.end());
  for (Run* const run : active_) {
    if (run->hashed < end) hash_window(*run, end);
  }
  window_.clear();
}

void Runs::pass(uint32_t block, const Result<std::string_view>& content) {
  const uint64_t begin = starts_[block], end = starts_[block + 1];
  if (live_ == 0) window_.clear();
  if (content.ok() && content->size() >= kWindow) flush(begin);
  for (; next_ < runs_.size() && runs_[next_].first == block; ++next_, ++live_) {
    runs_[next_].hash = std::make_unique<Sha256>();
    runs_[next_].hashed = begin;
    active_.push_back(&runs_[next_]);
  }
  if (!content.ok()) return refuse(content.error());
  if (content->size() >= kWindow) {
    for (Run* const run : active_) {
      run->hash->update(content.value());
      run->hashed = end;
    }
    return;
  }
  if (window_.empty()) window_at_ = begin;
  window_ += content.value();
  if (window_.size() >= kWindow) flush(end);
}

Result<std::string> Runs::digest(uint32_t first, uint32_t last) {
  const auto found = std::lower_bound(
      runs_.begin(), runs_.end(), std::pair(first, last),
      [](const Run& run, const auto& wanted) { return std::pair(run.first, run.last) < wanted; });
  Run& run = *found;
  if (run.refusal) return std::move(*run.refusal);
  const uint64_t end = starts_[last + 1];
  if (run.hashed < end) hash_window(run, end);
  const std::unique_ptr<Sha256> hash = std::move(run.hash);
  --live_;
  return hash->finish();
}

}  // namespace precompile
