"""The Lambda function of SEDM at Palomar and SEDMv2 at Kitt Peak."""
