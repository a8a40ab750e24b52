# Who is told what. Metrics of AWS itself and the few that scaling needs are watched by CloudWatch; the nodes' own by Managed
# Prometheus, with the rules of deploy/telemetry/alerts.yml. Every alarm names its page in docs/runbooks.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  region    = data.aws_region.current.region
  namespace = "RagEnabler/${var.name}"
  logs      = "${local.namespace}/logs"

  # One alarm a line: what is measured, over how long, above or below what, and the page that says what to do.
  alarms = {
    high-latency = {
      namespace = "AWS/ApplicationELB", metric = "TargetResponseTime", statistic = "p95", dimensions = { LoadBalancer = var.balancer_suffix }
      above     = 30, period = 60, periods = 10, severity = "warning", runbook = "latency", text = "One request in twenty takes more than 30 s"
    }
    api-slow = {
      namespace = local.logs, metric = "PlainRequestMilliseconds", statistic = "p95", dimensions = {}
      above     = 5000, period = 60, periods = 10, severity = "warning", runbook = "latency", text = "Plain requests take more than 5 s"
    }
    nodes-unhealthy = {
      namespace = "AWS/ApplicationELB", metric = "UnHealthyHostCount", statistic = "Maximum", dimensions = { LoadBalancer = var.balancer_suffix, TargetGroup = var.target_group_suffix }
      above     = 0, period = 60, periods = 10, severity = "warning", runbook = "node-down", text = "A node behind the balancer is not ready"
    }
    generation-slow = {
      namespace = local.namespace, metric = "rag_enabler_generation_seconds", statistic = "Average", dimensions = { model = var.model }
      above     = 60, period = 300, periods = 2, severity = "warning", runbook = "generation-slow", text = "The language model takes more than 60 s on average"
    }
    queue-deep-ocr = {
      namespace = local.namespace, metric = "rag_enabler_queue_depth", statistic = "Sum", dimensions = { role = "ocr" }
      above     = 100, period = 60, periods = 10, severity = "info", runbook = "queue-backlog", text = "More than 100 jobs wait to be read"
    }
    queue-backlog-ocr = {
      namespace = local.namespace, metric = "rag_enabler_queue_depth", statistic = "Sum", dimensions = { role = "ocr" }
      above     = 500, period = 60, periods = 5, severity = "warning", runbook = "queue-backlog", text = "More than 500 jobs wait to be read"
    }
    queue-backlog-embedding = {
      namespace = local.namespace, metric = "rag_enabler_queue_depth", statistic = "Sum", dimensions = { role = "embedding" }
      above     = 500, period = 60, periods = 5, severity = "warning", runbook = "queue-backlog", text = "More than 500 jobs wait to be embedded"
    }
    queue-backlog-generation = {
      namespace = local.namespace, metric = "rag_enabler_queue_depth", statistic = "Sum", dimensions = { role = "generation" }
      above     = 100, period = 60, periods = 5, severity = "warning", runbook = "queue-backlog", text = "More than 100 questions wait for a model"
    }
    documents-stalled = {
      namespace = local.namespace, metric = "rag_enabler_documents_stalled", statistic = "Sum", dimensions = {}
      above     = 0, period = 60, periods = 15, severity = "warning", runbook = "documents-stalled", text = "Documents stand still"
    }
    shards-unowned = {
      namespace = local.namespace, metric = "rag_enabler_shards_unowned", statistic = "Minimum", dimensions = {}
      above     = 0, period = 60, periods = 2, severity = "critical", runbook = "shards-unowned", text = "Shards have no owner: their documents cannot be written"
    }
    actors-give-up = {
      namespace = local.namespace, metric = "rag_enabler_actor_escalations_total", statistic = "Sum", dimensions = {}
      above     = 0, period = 300, periods = 1, severity = "critical", runbook = "actors", text = "A supervisor has given up"
    }
    redis-memory = {
      namespace = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage", statistic = "Maximum", dimensions = { ReplicationGroupId = var.replication_group_id }
      above     = 80, period = 300, periods = 2, severity = "warning", runbook = "cache", text = "The Redis has more than 80 % of its memory in use"
    }
    redis-cpu = {
      namespace = "AWS/ElastiCache", metric = "EngineCPUUtilization", statistic = "Maximum", dimensions = { ReplicationGroupId = var.replication_group_id }
      above     = 80, period = 300, periods = 3, severity = "warning", runbook = "cache", text = "The Redis has no processor time left"
    }
    models-full = {
      namespace = "AWS/EFS", metric = "StorageBytes", statistic = "Maximum", dimensions = { FileSystemId = var.file_system_id, StorageClass = "Total" }
      above     = 0.9 * var.models_gib_max * 1073741824, period = 900, periods = 1, severity = "warning", runbook = "disk-full", text = "The models take more than 90 % of what was planned for them"
    }
    rotation-fails = {
      namespace = "AWS/Lambda", metric = "Errors", statistic = "Sum", dimensions = { FunctionName = var.rotation_function_name }
      above     = 0, period = 300, periods = 1, severity = "warning", runbook = "rotation", text = "A secret was not rotated"
    }
    firewall-refuses = {
      namespace = "AWS/WAFV2", metric = "BlockedRequests", statistic = "Sum", dimensions = { WebACL = var.web_acl_name, Region = local.region, Rule = "ALL" }
      above     = 1000, period = 300, periods = 2, severity = "warning", runbook = "callers-refused", text = "The firewall refuses many requests"
    }
    store-errors = {
      namespace = local.logs, metric = "StoreErrors", statistic = "Sum", dimensions = {}
      above     = 30, period = 300, periods = 1, severity = "warning", runbook = "store", text = "Nodes cannot reach the object store"
    }
  }

  # Per service: the table's lines on processors and memory.
  services = merge([
    for service in var.service_names : {
      "cpu-${service}"             = { service = service, metric = "CPUUtilization", above = 80, period = 300, periods = 3, severity = "info", runbook = "cpu", text = "uses more than 80 % of its processors" }
      "memory-${service}"          = { service = service, metric = "MemoryUtilization", above = 85, period = 300, periods = 2, severity = "info", runbook = "memory", text = "uses more than 85 % of its memory" }
      "memory-pressure-${service}" = { service = service, metric = "MemoryUtilization", above = 90, period = 60, periods = 5, severity = "warning", runbook = "memory", text = "is short of memory" }
    }
  ]...)

  topics = {
    critical = [aws_sns_topic.critical.arn]
    warning  = [aws_sns_topic.warning.arn]
    info     = []
  }
}

# Who is told

resource "aws_sns_topic" "critical" {
  name              = "${var.name}-critical"
  display_name      = "RAG Enabler: wake somebody"
  kms_master_key_id = var.kms_key_arn
}

resource "aws_sns_topic" "warning" {
  name              = "${var.name}-warning"
  display_name      = "RAG Enabler: look today"
  kms_master_key_id = var.kms_key_arn
}

data "aws_iam_policy_document" "topic" {
  for_each = { critical = aws_sns_topic.critical.arn, warning = aws_sns_topic.warning.arn }
  statement {
    sid       = "Watchers"
    actions   = ["sns:Publish"]
    resources = [each.value]
    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "aps.amazonaws.com", "budgets.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_sns_topic_policy" "topic" {
  for_each = { critical = aws_sns_topic.critical.arn, warning = aws_sns_topic.warning.arn }
  arn      = each.value
  policy   = data.aws_iam_policy_document.topic[each.key].json
}

resource "aws_sns_topic_subscription" "critical" {
  for_each  = toset(var.critical_emails)
  topic_arn = aws_sns_topic.critical.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_sns_topic_subscription" "warning" {
  for_each  = toset(var.warning_emails)
  topic_arn = aws_sns_topic.warning.arn
  protocol  = "email"
  endpoint  = each.value
}

# Alarms

resource "aws_cloudwatch_metric_alarm" "one" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.severity}: ${each.value.text}. What to do: docs/runbooks/${each.value.runbook}.md"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  dimensions          = each.value.dimensions
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  period              = each.value.period
  evaluation_periods  = each.value.periods
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics[each.value.severity]
  ok_actions          = local.topics[each.value.severity]
}

resource "aws_cloudwatch_metric_alarm" "service" {
  for_each            = local.services
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.severity}: ${each.value.service} ${each.value.text}. What to do: docs/runbooks/${each.value.runbook}.md"
  namespace           = "AWS/ECS"
  metric_name         = each.value.metric
  statistic           = "Average"
  dimensions          = { ClusterName = var.cluster_name, ServiceName = each.value.service }
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  period              = each.value.period
  evaluation_periods  = each.value.periods
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics[each.value.severity]
  ok_actions          = local.topics[each.value.severity]
}

# No task at all reports nothing, which is the worst of all.
resource "aws_cloudwatch_metric_alarm" "no_nodes" {
  alarm_name          = "${var.name}-no-nodes"
  alarm_description   = "critical: no node is behind the balancer. What to do: docs/runbooks/node-down.md"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HealthyHostCount"
  statistic           = "Maximum"
  dimensions          = { LoadBalancer = var.balancer_suffix, TargetGroup = var.target_group_suffix }
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 2
  treat_missing_data  = "breaching"
  alarm_actions       = local.topics.critical
  ok_actions          = local.topics.critical
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  for_each = {
    high-error-rate   = { above = 5, periods = 5, severity = "critical" }
    error-rate-raised = { above = 1, periods = 15, severity = "warning" }
  }
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.severity}: more than ${each.value.above} % of all answers are 5xx. What to do: docs/runbooks/error-rate.md"
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  evaluation_periods  = each.value.periods
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics[each.value.severity]
  ok_actions          = local.topics[each.value.severity]

  metric_query {
    id          = "rate"
    label       = "errors in 100"
    expression  = "IF(all > 0, 100 * (FILL(own, 0) + FILL(balancer, 0)) / all, 0)"
    return_data = true
  }
  metric_query {
    id = "all"
    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "RequestCount"
      stat        = "Sum"
      period      = 60
      dimensions  = { LoadBalancer = var.balancer_suffix }
    }
  }
  metric_query {
    id = "own"
    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "HTTPCode_Target_5XX_Count"
      stat        = "Sum"
      period      = 60
      dimensions  = { LoadBalancer = var.balancer_suffix }
    }
  }
  metric_query {
    id = "balancer"
    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "HTTPCode_ELB_5XX_Count"
      stat        = "Sum"
      period      = 60
      dimensions  = { LoadBalancer = var.balancer_suffix }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "cache_hits" {
  alarm_name          = "${var.name}-cache-hit-rate"
  alarm_description   = "info: fewer than half of the answers come from the cache. What to do: docs/runbooks/cache.md"
  comparison_operator = "LessThanThreshold"
  threshold           = 50
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics.info

  metric_query {
    id          = "rate"
    label       = "hits in 100"
    expression  = "IF(hits + misses > 50, 100 * hits / (hits + misses), 100)"
    return_data = true
  }
  metric_query {
    id = "hits"
    metric {
      namespace   = local.namespace
      metric_name = "rag_enabler_cache_lookups_total"
      stat        = "Sum"
      period      = 3600
      dimensions  = { kind = "answer", outcome = "hit" }
    }
  }
  metric_query {
    id = "misses"
    metric {
      namespace   = local.namespace
      metric_name = "rag_enabler_cache_lookups_total"
      stat        = "Sum"
      period      = 3600
      dimensions  = { kind = "answer", outcome = "miss" }
    }
  }
}

# What stands in the nodes' logs

resource "aws_cloudwatch_log_metric_filter" "errors" {
  for_each       = var.log_groups
  name           = "errors"
  log_group_name = each.value
  pattern        = "{ $.level = \"ERROR\" }"

  metric_transformation {
    namespace     = local.logs
    name          = "Errors"
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_log_metric_filter" "store" {
  for_each       = var.log_groups
  name           = "store"
  log_group_name = each.value
  pattern        = "{ $.fields.message = \"waiting for the object store\" }"

  metric_transformation {
    namespace     = local.logs
    name          = "StoreErrors"
    value         = "1"
    default_value = "0"
  }
}

# Without what waits for a model or a file, or is asked by machines.
resource "aws_cloudwatch_log_metric_filter" "plain_requests" {
  for_each       = var.log_groups
  name           = "plain-requests"
  log_group_name = each.value
  pattern        = "{ ($.fields.message = \"answered\") && ($.fields.route != \"ask\") && ($.fields.route != \"events\") && ($.fields.route != \"query\") && ($.fields.route != \"analyze\") && ($.fields.route != \"batch\") && ($.fields.route != \"chat completions\") && ($.fields.route != \"stream\") && ($.fields.route != \"stream resume\") && ($.fields.route != \"upload\") && ($.fields.route != \"health\") && ($.fields.route != \"ready\") && ($.fields.route != \"live\") && ($.fields.route != \"none\") }"

  metric_transformation {
    namespace = local.logs
    name      = "PlainRequestMilliseconds"
    value     = "$.fields.ms"
    unit      = "Milliseconds"
  }
}

resource "aws_cloudwatch_query_definition" "one" {
  for_each = {
    "errors by kind"     = "filter level = 'ERROR' or level = 'WARN' | stats count(*) as times by fields.message, target | sort times desc | limit 20"
    "slowest requests"   = "filter fields.message = 'answered' | sort fields.ms desc | limit 50 | display @timestamp, fields.method, fields.route, fields.status, fields.ms, fields.trace_id"
    "one request"        = "filter fields.request_id = 'REQUEST' or fields.trace_id = 'REQUEST' | sort @timestamp asc"
    "shards that moved"  = "filter target like 'enabler_cluster' or fields.shard > -1 | sort @timestamp desc | limit 200"
    "answers by status"  = "filter fields.message = 'answered' | stats count(*) by fields.status, bin(5m)"
    "notes of the audit" = "filter target like 'audit' | sort @timestamp desc | limit 100"
  }
  name            = "${var.name}/${each.key}"
  log_group_names = values(var.log_groups)
  query_string    = "fields @timestamp, @message | ${each.value}"
}

# The board of the proposal, section 11.2

resource "aws_cloudwatch_dashboard" "main" {
  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = concat(
      [
        for index, one in [
          { title = "Requests/min", stat = "Sum", metrics = [["AWS/ApplicationELB", "RequestCount", "LoadBalancer", var.balancer_suffix]] },
          { title = "Error rate (in 100)", stat = "Sum", metrics = [
            [{ expression = "100 * FILL(e, 0) / r", label = "5xx", id = "x" }],
            ["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "LoadBalancer", var.balancer_suffix, { id = "e", visible = false }],
            ["AWS/ApplicationELB", "RequestCount", "LoadBalancer", var.balancer_suffix, { id = "r", visible = false }],
          ] },
          { title = "Latency P95", stat = "p95", metrics = [["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", var.balancer_suffix]] },
          { title = "Cache hit rate (in 100)", stat = "Sum", metrics = [
            [{ expression = "100 * h / (h + m)", label = "hits", id = "x" }],
            [local.namespace, "rag_enabler_cache_lookups_total", "kind", "answer", "outcome", "hit", { id = "h", visible = false }],
            [local.namespace, "rag_enabler_cache_lookups_total", "kind", "answer", "outcome", "miss", { id = "m", visible = false }],
          ] },
          { title = "Queue depth", stat = "Sum", metrics = [for role in ["ocr", "embedding", "generation"] : [local.namespace, "rag_enabler_queue_depth", "role", role]] },
          { title = "Active tasks", stat = "Average", metrics = [for service in var.service_names : ["ECS/ContainerInsights", "RunningTaskCount", "ClusterName", var.cluster_name, "ServiceName", service]] },
          ] : {
          type       = "metric", x = (index % 3) * 8, y = floor(index / 3) * 5, width = 8, height = 5
          properties = { title = one.title, stat = one.stat, period = 60, region = local.region, view = "singleValue", sparkline = true, metrics = one.metrics }
        }
      ],
      [
        {
          type = "metric", x = 0, y = 10, width = 24, height = 6
          properties = {
            title   = "Request latency (last 24 h)", region = local.region, view = "timeSeries", period = 300, start = "-PT24H"
            metrics = [for stat in ["p50", "p95", "p99"] : ["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", var.balancer_suffix, { stat = stat, label = stat }]]
          }
        },
        {
          type = "log", x = 0, y = 16, width = 24, height = 6
          properties = {
            title = "Top errors (last 1h)", region = local.region, view = "table"
            query = "${join(" | ", [for group in values(var.log_groups) : "SOURCE '${group}'"])} | filter level = 'ERROR' or level = 'WARN' | stats count(*) as times by fields.message, target | sort times desc | limit 10"
          }
        },
        {
          type = "metric", x = 0, y = 22, width = 12, height = 6
          properties = {
            title       = "Processors", region = local.region, view = "timeSeries", period = 60, stat = "Average"
            metrics     = [for service in var.service_names : ["AWS/ECS", "CPUUtilization", "ClusterName", var.cluster_name, "ServiceName", service]]
            annotations = { horizontal = [{ value = 80, label = "alarm" }] }
          }
        },
        {
          type = "metric", x = 12, y = 22, width = 12, height = 6
          properties = {
            title       = "Memory", region = local.region, view = "timeSeries", period = 60, stat = "Average"
            metrics     = [for service in var.service_names : ["AWS/ECS", "MemoryUtilization", "ClusterName", var.cluster_name, "ServiceName", service]]
            annotations = { horizontal = [{ value = 85, label = "high" }, { value = 90, label = "pressure" }] }
          }
        },
        {
          type = "metric", x = 0, y = 28, width = 12, height = 6
          properties = {
            title       = "LLM inference", region = local.region, view = "timeSeries", period = 60, stat = "Average"
            metrics     = [[local.namespace, "rag_enabler_generation_seconds", "model", var.model]]
            annotations = { horizontal = [{ value = 60, label = "alarm" }] }
          }
        },
        {
          type = "metric", x = 12, y = 28, width = 12, height = 6
          properties = {
            title       = "Redis memory (in 100)", region = local.region, view = "timeSeries", period = 60, stat = "Maximum"
            metrics     = [["AWS/ElastiCache", "DatabaseMemoryUsagePercentage", "ReplicationGroupId", var.replication_group_id]]
            annotations = { horizontal = [{ value = 80, label = "alarm" }] }
          }
        },
        {
          type = "alarm", x = 0, y = 34, width = 24, height = 6
          properties = {
            title  = "Alarms"
            alarms = concat(values(aws_cloudwatch_metric_alarm.one)[*].arn, values(aws_cloudwatch_metric_alarm.errors)[*].arn, [aws_cloudwatch_metric_alarm.no_nodes.arn])
          }
        },
      ],
    )
  })
}

# The nodes' own metrics, all of them

resource "aws_prometheus_workspace" "main" {
  alias       = var.name
  kms_key_arn = var.kms_key_arn

  logging_configuration {
    log_group_arn = "${aws_cloudwatch_log_group.prometheus.arn}:*"
  }
}

resource "aws_cloudwatch_log_group" "prometheus" {
  #checkov:skip=CKV_AWS_338:What the rules had to complain about; how long it is kept is a setting.
  name              = "/aws/vendedlogs/prometheus/${var.name}"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

# The same file that a Prometheus on one machine reads.
resource "aws_prometheus_rule_group_namespace" "main" {
  name         = "rag-enabler"
  workspace_id = aws_prometheus_workspace.main.id
  data         = var.alert_rules
}

resource "aws_prometheus_alert_manager_definition" "main" {
  workspace_id = aws_prometheus_workspace.main.id
  definition   = <<-DEFINITION
    alertmanager_config: |
      route:
        receiver: warning
        group_by: [alertname]
        group_wait: 30s
        group_interval: 5m
        repeat_interval: 12h
        routes:
          - receiver: critical
            matchers: [severity="critical"]
          - receiver: nobody
            matchers: [severity="info"]
      receivers:
        - name: nobody
        - name: critical
          sns_configs:
            - topic_arn: ${aws_sns_topic.critical.arn}
              sigv4:
                region: ${local.region}
              subject: '{{ .CommonLabels.alertname }}: {{ .CommonAnnotations.summary }}'
              message: '{{ range .Alerts }}{{ .Annotations.description }} {{ .Annotations.runbook_url }}{{ "\n" }}{{ end }}'
        - name: warning
          sns_configs:
            - topic_arn: ${aws_sns_topic.warning.arn}
              sigv4:
                region: ${local.region}
              subject: '{{ .CommonLabels.alertname }}: {{ .CommonAnnotations.summary }}'
              message: '{{ range .Alerts }}{{ .Annotations.description }} {{ .Annotations.runbook_url }}{{ "\n" }}{{ end }}'
  DEFINITION
}

# Traces of what went wrong or took long are all kept; of the rest one in twenty.
resource "aws_xray_group" "slow" {
  group_name        = "${var.name}-slow"
  filter_expression = "responsetime > 30 OR fault = true"

  insights_configuration {
    insights_enabled      = true
    notifications_enabled = false
  }
}

# What it costs

resource "aws_budgets_budget" "main" {
  name         = var.name
  budget_type  = "COST"
  limit_amount = tostring(var.budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:Environment$%s", var.environment)]
  }

  notification {
    comparison_operator       = "GREATER_THAN"
    threshold                 = 80
    threshold_type            = "PERCENTAGE"
    notification_type         = "ACTUAL"
    subscriber_sns_topic_arns = [aws_sns_topic.warning.arn]
  }

  notification {
    comparison_operator       = "GREATER_THAN"
    threshold                 = 100
    threshold_type            = "PERCENTAGE"
    notification_type         = "FORECASTED"
    subscriber_sns_topic_arns = [aws_sns_topic.warning.arn]
  }
}
