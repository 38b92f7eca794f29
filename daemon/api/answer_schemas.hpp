// The schemas of answers, for the route table. What they say is what present.cpp and the handlers write: the
// tour of tests/daemon/openapi_test.cpp holds every answer against them.
#pragma once

#include "api/schema.hpp"

namespace statetrackd {

boost::json::object session_schema(schema_book& book);
boost::json::object task_schema(schema_book& book);
boost::json::object machine_schema(schema_book& book);
boost::json::object session_list_schema(schema_book& book);
boost::json::object task_list_schema(schema_book& book);
boost::json::object machine_list_schema(schema_book& book);
boost::json::object event_list_schema(schema_book& book);
boost::json::object heartbeat_answer_schema(schema_book& book);
boost::json::object machine_heartbeat_answer_schema(schema_book& book);
boost::json::object fleet_health_schema(schema_book& book);
boost::json::object stalled_list_schema(schema_book& book);
boost::json::object session_health_schema(schema_book& book);
boost::json::object explanation_schema(schema_book& book);
boost::json::object recovery_state_schema(schema_book& book);
boost::json::object detection_schema(schema_book& book);
boost::json::object cleanup_schema(schema_book& book);
boost::json::object standing_schema(schema_book& book);
boost::json::object detailed_health_schema(schema_book& book);
boost::json::object api_document_schema(schema_book& book);
boost::json::object page_schema(schema_book& book);
boost::json::object problem_schema(schema_book& book);

}  // namespace statetrackd
