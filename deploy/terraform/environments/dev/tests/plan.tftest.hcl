# Plans the whole environment against an AWS that answers nothing, so that every expression is worked out without an account:
# `terraform init -backend=false && terraform test`.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_subnets" {
    defaults = { ids = ["subnet-a", "subnet-b", "subnet-c"] }
  }

  mock_data "aws_route_tables" {
    defaults = { ids = ["rtb-a"] }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  account_id      = "123456789012"
  region          = "sa-east-1"
  vpc_id          = "vpc-0123456789abcdef0"
  client_cidrs    = ["10.20.0.0/16"]
  operator_cidrs  = ["10.20.9.0/24"]
  link_principals = ["arn:aws:iam::123456789012:root"]
  host            = "rag-enabler.dev.internal.example.com"
  zone_id         = "Z0"
  certificate_arn = "arn:aws:acm:sa-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
  critical_emails = ["on-call@example.com"]
  warning_emails  = ["platform@example.com"]
  image_tag       = "0.1.0"
}

run "plan" {
  command = plan

  assert {
    condition     = length(output.platform.service_names) == 5
    error_message = "There are five services, one for each kind of work."
  }
}
