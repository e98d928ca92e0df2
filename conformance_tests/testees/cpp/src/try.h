// Passing a failure on.
#pragma once

#include "precompile/result.h"

#define PRECOMPILE_JOIN_(a, b) a##b
#define PRECOMPILE_JOIN(a, b) PRECOMPILE_JOIN_(a, b)

// Returns from the function with the error of `expression`, if it has one.
#define TRY(expression)                                          \
  do {                                                           \
    if (auto status_ = (expression); !status_.ok()) return std::move(status_.error()); \
  } while (false)

// `target` becomes the value of `expression`, or the function returns with its error.
#define TRY_SET(target, expression) \
  TRY_SET_(PRECOMPILE_JOIN(result_, __LINE__), target, expression)
#define TRY_SET_(result, target, expression)            \
  auto result = (expression);                           \
  if (!result.ok()) return std::move(result.error());   \
  target = std::move(result.value())
