# The door of the platform: an internal balancer with TLS 1.3, what it lets through, the name it is known by, and (where
# applications live in other VPCs) a PrivateLink service before it.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

resource "aws_lb" "main" {
  #checkov:skip=CKV_AWS_150:A setting: on in prod, off where environments come and go.
  name                       = var.name
  internal                   = true
  load_balancer_type         = "application"
  subnets                    = var.subnet_ids
  security_groups            = [var.security_group_id]
  drop_invalid_header_fields = true
  enable_deletion_protection = var.protected
  desync_mitigation_mode     = "strictest"
  # Longer than any answer or upload may take (http.request_seconds_max, http.upload_seconds_max).
  idle_timeout = 630

  access_logs {
    bucket  = var.logs_bucket
    prefix  = "balancer"
    enabled = true
  }
}

# The nodes' TLS door: TLS 1.3 on both sides of the balancer.
resource "aws_lb_target_group" "api" {
  name                          = "${var.name}-api"
  vpc_id                        = var.vpc_id
  port                          = 8000
  protocol                      = "HTTPS"
  target_type                   = "ip"
  load_balancing_algorithm_type = "least_outstanding_requests"
  # Requests in work end, streams go on at another node (Last-Event-ID).
  deregistration_delay = 30

  health_check {
    protocol            = "HTTPS"
    path                = "/ready"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_listener" "api" {
  load_balancer_arn = aws_lb.main.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-3-2021-06"
  certificate_arn   = var.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.api.arn
  }
}

# What shows or changes the inside is for operators' networks alone, whatever key is sent.
resource "aws_lb_listener_rule" "operators" {
  listener_arn = aws_lb_listener.api.arn
  priority     = 10

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.api.arn
  }

  condition {
    path_pattern {
      values = ["/operator*", "/v1/operator/*", "/v1/tree"]
    }
  }

  condition {
    source_ip {
      values = var.operator_cidrs
    }
  }
}

resource "aws_lb_listener_rule" "nobody_else" {
  listener_arn = aws_lb_listener.api.arn
  priority     = 20

  action {
    type = "fixed-response"
    fixed_response {
      content_type = "application/json"
      status_code  = "404"
      message_body = jsonencode({ title = "Not found", status = 404, detail = "This address is for operators' networks." })
    }
  }

  condition {
    path_pattern {
      values = ["/operator*", "/v1/operator/*", "/v1/tree"]
    }
  }
}

# rag-enabler.internal.example.com
resource "aws_route53_record" "api" {
  count   = var.zone_id == "" ? 0 : 1
  zone_id = var.zone_id
  name    = var.host
  type    = "A"

  alias {
    name                   = aws_lb.main.dns_name
    zone_id                = aws_lb.main.zone_id
    evaluate_target_health = true
  }
}

# The firewall

# Applications inside have no country.
resource "aws_wafv2_ip_set" "inside" {
  name               = "${var.name}-inside"
  description        = "Networks of the VPC and what is linked to it"
  scope              = "REGIONAL"
  ip_address_version = "IPV4"
  addresses          = var.inside_cidrs
}

resource "aws_wafv2_web_acl" "main" {
  name        = var.name
  description = "Rate, geography, SQL, known attacks"
  scope       = "REGIONAL"

  default_action {
    allow {}
  }

  rule {
    name     = "rate"
    priority = 10

    action {
      block {
        custom_response {
          response_code = 429
        }
      }
    }

    statement {
      rate_based_statement {
        aggregate_key_type    = "IP"
        evaluation_window_sec = 60
        limit                 = var.rate_per_minute
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "rate"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "geography"
    priority = 20

    action {
      block {}
    }

    statement {
      and_statement {
        statement {
          not_statement {
            statement {
              geo_match_statement {
                country_codes = var.countries
              }
            }
          }
        }
        statement {
          not_statement {
            statement {
              ip_set_reference_statement {
                arn = aws_wafv2_ip_set.inside.arn
              }
            }
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "geography"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "sql"
    priority = 30

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesSQLiRuleSet"

        # Questions and documents are prose, and prose about databases looks like SQL. There is none behind this door, so
        # that bodies are counted and everything else is blocked.
        rule_action_override {
          name = "SQLi_BODY"
          action_to_use {
            count {}
          }
        }
        rule_action_override {
          name = "SQLiExtendedPatterns_BODY"
          action_to_use {
            count {}
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "sql"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "known-bad"
    priority = 40

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesKnownBadInputsRuleSet"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "known-bad"
      sampled_requests_enabled   = true
    }
  }

  # Scripts in headers, paths and queries among others.
  rule {
    name     = "common"
    priority = 50

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesCommonRuleSet"

        # PDFs are larger than 8 KB, and machines call without a browser's name.
        dynamic "rule_action_override" {
          for_each = ["SizeRestrictions_BODY", "CrossSiteScripting_BODY", "GenericLFI_BODY", "GenericRFI_BODY", "NoUserAgent_HEADER"]
          content {
            name = rule_action_override.value
            action_to_use {
              count {}
            }
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "common"
      sampled_requests_enabled   = true
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = true
  }
}

resource "aws_wafv2_web_acl_association" "main" {
  resource_arn = aws_lb.main.arn
  web_acl_arn  = aws_wafv2_web_acl.main.arn
}

# The name must begin so, or the firewall does not write to it.
resource "aws_cloudwatch_log_group" "waf" {
  #checkov:skip=CKV_AWS_338:How long logs are kept is a setting; a year in prod.
  name              = "aws-waf-logs-${var.name}"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_wafv2_web_acl_logging_configuration" "main" {
  resource_arn            = aws_wafv2_web_acl.main.arn
  log_destination_configs = [aws_cloudwatch_log_group.waf.arn]

  redacted_fields {
    single_header {
      name = "x-api-key"
    }
  }
  redacted_fields {
    single_header {
      name = "authorization"
    }
  }

  # Only what was refused or counted.
  logging_filter {
    default_behavior = "DROP"
    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"
      condition {
        action_condition {
          action = "BLOCK"
        }
      }
      condition {
        action_condition {
          action = "COUNT"
        }
      }
    }
  }
}

# PrivateLink, for applications in other VPCs

resource "aws_lb" "link" {
  #checkov:skip=CKV_AWS_150:A setting: on in prod, off where environments come and go.
  #checkov:skip=CKV_AWS_91:The balancer behind it logs every request; this one sees TLS alone.
  #checkov:skip=CKV2_AWS_28:The firewall stands at the balancer behind it.
  #checkov:skip=CKV2_AWS_20:It passes TLS through on 443 and has no other port.
  count                            = length(var.link_principals) > 0 ? 1 : 0
  name                             = "${var.name}-link"
  internal                         = true
  load_balancer_type               = "network"
  subnets                          = var.subnet_ids
  security_groups                  = [var.security_group_id]
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = var.protected
  # PrivateLink's clients come from the link's own addresses.
  enforce_security_group_inbound_rules_on_private_link_traffic = "off"
}

resource "aws_lb_target_group" "link" {
  count       = length(var.link_principals) > 0 ? 1 : 0
  name        = "${var.name}-link"
  vpc_id      = var.vpc_id
  port        = 443
  protocol    = "TCP"
  target_type = "alb"

  health_check {
    protocol = "HTTPS"
    path     = "/ready"
    matcher  = "200"
  }
}

resource "aws_lb_target_group_attachment" "link" {
  count            = length(var.link_principals) > 0 ? 1 : 0
  target_group_arn = aws_lb_target_group.link[0].arn
  target_id        = aws_lb.main.arn
  port             = 443
  depends_on       = [aws_lb_listener.api]
}

resource "aws_lb_listener" "link" {
  #checkov:skip=CKV_AWS_2:TLS ends at the balancer behind it.
  #checkov:skip=CKV_AWS_103:As above.
  count             = length(var.link_principals) > 0 ? 1 : 0
  load_balancer_arn = aws_lb.link[0].arn
  port              = 443
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.link[0].arn
  }
}

resource "aws_vpc_endpoint_service" "link" {
  count                      = length(var.link_principals) > 0 ? 1 : 0
  acceptance_required        = true
  network_load_balancer_arns = [aws_lb.link[0].arn]
  allowed_principals         = var.link_principals
  tags                       = { Name = var.name }
}
